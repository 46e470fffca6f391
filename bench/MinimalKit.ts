/** The least app of the framework that the page is made with: one page that says one word, with the same adapter. */
import { execFileSync } from "node:child_process"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { root } from "./Process.ts"

const files = {
  "package.json": '{ "type": "module" }',
  "vite.config.ts": `import adapter from "@sveltejs/adapter-static"
import { sveltekit } from "@sveltejs/kit/vite"
import { defineConfig } from "vite"

export default defineConfig({ plugins: [sveltekit({ adapter: adapter({ fallback: "index.html" }) })] })
`,
  "src/app.html": `<!doctype html>
<html lang="en">
  <head>%sveltekit.head%</head>
  <body><div>%sveltekit.body%</div></body>
</html>
`,
  "src/routes/+layout.ts": "export const ssr = false\n",
  "src/routes/+page.svelte": "<h1>Hello</h1>\n"
}

/** Runs with the folder of the build, and leaves nothing behind. */
export const during = async <A>(use: (build: string) => Promise<A>): Promise<A> => {
  // Below the page's own folder, where its packages are found.
  const cache = join(root, "svelte-ui/.svelte-kit")
  mkdirSync(cache, { recursive: true })
  const folder = mkdtempSync(join(cache, "minimal-"))
  try {
    mkdirSync(join(folder, "src/routes"), { recursive: true })
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
    const vite = join(root, "node_modules/vite/bin/vite.js")
    execFileSync(process.execPath, [vite, "build", "--logLevel", "error"], { cwd: folder, stdio: "pipe" })
    return await use(join(folder, "build"))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
