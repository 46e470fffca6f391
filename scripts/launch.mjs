/** `npm start` and `npm run cli`: prepares the checkout, then runs the program on the project's Node. */
import { ensure } from "./ensure.mjs"
import { join } from "node:path"
import { root, runNode } from "./project-node.mjs"

const args = process.argv.slice(2)
await ensure({ page: args[0] === "serve" })
// Compiled code kept from the last start: about half the time until the program is up.
const cache = process.env.NODE_COMPILE_CACHE ?? join(root, "node_modules/.cache/compile")
process.exitCode = await runNode([join(root, "src/app/main.ts"), ...args], {
  env: { ...process.env, NODE_COMPILE_CACHE: cache }
})
