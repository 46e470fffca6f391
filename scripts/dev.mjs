/** `npm run dev`: the backend, restarted when its sources change, and the page served by vite in front of it. */
import { join } from "node:path"
import { ensure } from "./ensure.mjs"
import { root, runNode } from "./project-node.mjs"

await ensure({ page: false })

const page = join(root, "svelte-ui")
const stop = new AbortController()
const { signal } = stop
const backend = [
  "--watch-path=src",
  "--watch-preserve-output",
  join(root, "src/app/main.ts"),
  "serve",
  ...process.argv.slice(2)
]
const vite = [join(root, "node_modules/vite/bin/vite.js"), "dev"]

/** When one of the two ends, the other has no use. @param {Promise<number>} program */
const endsBoth = (program) => program.catch(() => 0).finally(() => stop.abort())
const codes = await Promise.all([
  endsBoth(runNode(backend, { cwd: root, signal })),
  endsBoth(runNode(vite, { cwd: page, signal }))
])
process.exitCode = Math.max(...codes)
