/** `npm start` and `npm run cli`: prepares the checkout, then runs the program on the project's Node. */
import { ensure } from "./ensure.mjs"
import { join } from "node:path"
import { main, wasBundled } from "./program.mjs"
import { root, runNode } from "./project-node.mjs"

const args = process.argv.slice(2)
const serves = args[0] === "serve"
// Once, with the first start: where sources change, nobody waits for a bundle, and they run as they are.
await ensure({ page: serves, program: serves && !wasBundled() })
// Compiled code kept from the last start: about half the time until the program is up.
const cache = process.env.NODE_COMPILE_CACHE ?? join(root, "node_modules/.cache/compile")
process.exitCode = await runNode([main(), ...args], { env: { ...process.env, NODE_COMPILE_CACHE: cache } })
