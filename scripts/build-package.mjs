/**
 * What `npm pack` ships beside the web page: the program as a bundle, and as modules with their types what the package
 * exports, for processes of its users that have a copy of `effect` of their own.
 */
import { rmSync } from "node:fs"
import { join } from "node:path"
import { ensure } from "./ensure.mjs"
import { root, runNode } from "./project-node.mjs"

await ensure({ page: true })
const dist = join(root, "dist")
rmSync(dist, { recursive: true, force: true })
const compiler = join(root, "node_modules/typescript/bin/tsc")
const code = await runNode([compiler, "-p", "tsconfig.build.json"], { cwd: root })
process.exitCode = code === 0 ? await runNode([join(root, "scripts/bundle.mjs"), dist]) : code
