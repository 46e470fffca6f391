/** What `npm pack` ships beside the web page: the server as JavaScript, since Node strips no types inside node_modules. */
import { rmSync } from "node:fs"
import { join } from "node:path"
import { ensure } from "./ensure.mjs"
import { root, runNode } from "./project-node.mjs"

await ensure({ page: true })
rmSync(join(root, "dist"), { recursive: true, force: true })
process.exitCode = await runNode([join(root, "node_modules/typescript/bin/tsc"), "-p", "tsconfig.build.json"], {
  cwd: root
})
