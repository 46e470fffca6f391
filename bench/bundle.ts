/** Script that each page of the built web page loads before it can be used. Counted, not sampled. */
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { dirname, join, resolve } from "node:path"
import { brotliCompressSync, gzipSync } from "node:zlib"
import { root } from "./Process.ts"
import { exactly, measured, number, type Part } from "./Report.ts"

const build = join(root, "svelte-ui/build")

/** What a script imports at once; what it imports later in its own time does not count. */
const importsOf = (file: string): ReadonlyArray<string> => {
  const code = readFileSync(file, "utf8")
  const found = [...code.matchAll(/(?:\bimport|\bfrom)\s*["'](\.{1,2}\/[^"']+\.js)["']/g)]
  return found.map((match) => resolve(dirname(file), match[1]!))
}

const closure = (entries: ReadonlyArray<string>): Set<string> => {
  const all = new Set<string>()
  const add = (file: string): void => {
    if (all.has(file)) return
    all.add(file)
    for (const next of importsOf(file)) add(next)
  }
  for (const entry of entries) add(entry)
  return all
}

export const bundle = (): Promise<Part> => {
  const page = join(build, "index.html")
  if (!existsSync(page)) throw new Error("The web page is not built: run npm run build.")
  const html = readFileSync(page, "utf8")
  const first = [...html.matchAll(/(?:src|href)="(\/[^"]+\.js)"/g)].map((match) => join(build, match[1]!))
  const nodes = join(build, "_app/immutable/nodes")
  const app = readFileSync(
    first.find((file) => file.includes("/entry/app."))!,
    "utf8"
  )
  /** Routes as the generated app lists them: `"/settings": [4, [2]]`. */
  const table = /\{(\s*"\/[^"]*":\s*\[[^\]]*(?:\[[^\]]*\][^\]]*)*\],?)+\s*\}/.exec(app)?.[0] ?? "{}"
  const routes = [...table.matchAll(/"(\/[^"]*)":\s*\[~?(-?\d+)(?:,\s*\[([\d,\s]*)\])?/g)].map((match) => ({
    path: match[1]!,
    nodes: [
      0,
      Math.abs(Number(match[2])),
      ...(match[3] ?? "")
        .split(",")
        .filter((it) => it.trim() !== "")
        .map(Number)
    ]
  }))
  const nodeFile = (number_: number): string | undefined => {
    const name = readdirSync(nodes).find((it) => it.startsWith(`${number_}.`) && it.endsWith(".js"))
    return name === undefined ? undefined : join(nodes, name)
  }
  const sizes = routes.map(({ path, nodes: used }) => {
    const files = closure([...first, ...used.map(nodeFile).filter((it) => it !== undefined)])
    let bytes = 0
    let gzip = 0
    let brotli = 0
    for (const file of files) {
      const code = readFileSync(file)
      bytes += code.length
      gzip += gzipSync(code, { level: 9 }).length
      brotli += brotliCompressSync(code).length
    }
    return { path, files: files.size, bytes, gzip, brotli }
  })
  const most = Math.max(...sizes.map((it) => it.gzip)) / 1_000
  const settings = sizes.filter((it) => it.path.startsWith("/settings")).map((it) => it.gzip / 1_000)
  const styles = readdirSync(join(build, "_app/immutable/assets"))
    .filter((name) => name.endsWith(".css"))
    .map((name) => gzipSync(readFileSync(join(build, "_app/immutable/assets", name)), { level: 9 }).length / 1_000)
  return Promise.resolve({
    bench: "bundle",
    tables: [
      {
        title: "Script of each page",
        columns: ["page", "files", "kB", "kB gzip", "kB brotli"],
        rows: sizes.map((it) => [
          it.path,
          String(it.files),
          number(it.bytes / 1_000),
          number(it.gzip / 1_000),
          number(it.brotli / 1_000)
        ]),
        notes: [`All styles: ${number(styles.reduce((sum, it) => sum + it, 0))} kB gzip.`]
      }
    ],
    goals: [
      measured("script of the settings page (kB gzip)", { is: "at most", than: 90 }, exactly(Math.max(...settings))),
      measured("script of the largest page (kB gzip)", { is: "at most", than: 90 }, exactly(most))
    ]
  })
}
