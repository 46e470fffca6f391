/** Script that each page of the built web page loads before it can be used, beside the least app. Counted, not sampled. */
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { dirname, join, resolve } from "node:path"
import { brotliCompressSync, gzipSync } from "node:zlib"
import * as MinimalKit from "./MinimalKit.ts"
import { root } from "./Process.ts"
import { exactly, measured, number, type Part } from "./Report.ts"

interface Size {
  readonly path: string
  readonly files: number
  readonly bytes: number
  readonly gzip: number
  readonly brotli: number
  /** Of what it may load later on, gzipped. */
  readonly later: number
}

/** What a script imports at once; what it imports later in its own time does not count. */
const atOnce = /(?:\bimport|\bfrom)\s*["'](\.{1,2}\/[^"']+\.js)["']/g
const inItsTime = /\bimport\(\s*["'`](\.{1,2}\/[^"'`]+\.js)["'`]/g

const importsOf = (file: string, how: RegExp): ReadonlyArray<string> =>
  [...readFileSync(file, "utf8").matchAll(how)].map((match) => resolve(dirname(file), match[1]!))

const closure = (entries: Iterable<string>): Set<string> => {
  const all = new Set<string>()
  const add = (file: string): void => {
    if (all.has(file)) return
    all.add(file)
    for (const next of importsOf(file, atOnce)) add(next)
  }
  for (const entry of entries) add(entry)
  return all
}

const gzipped = (file: string): number => gzipSync(readFileSync(file), { level: 9 }).length

/** Every page of a build. */
const sizesOf = (build: string): ReadonlyArray<Size> => {
  // What every page begins with; documents that were rendered ahead also name what is their own.
  const page = ["shell.html", "index.html"].map((name) => join(build, name)).find((file) => existsSync(file))
  if (page === undefined) throw new Error("The web page is not built: run npm run build.")
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
  return routes.map(({ path, nodes: used }) => {
    const own = used.map(nodeFile).filter((it) => it !== undefined)
    const files = closure([...first, ...own])
    // What the page itself asks for in its time; the framework's list of all pages is not its own.
    const shared = closure(first)
    const ofItsOwn = [...files].filter((file) => !shared.has(file))
    const later = closure(ofItsOwn.flatMap((file) => importsOf(file, inItsTime)))
    let bytes = 0
    let gzip = 0
    let brotli = 0
    for (const file of files) {
      const code = readFileSync(file)
      bytes += code.length
      gzip += gzipped(file)
      brotli += brotliCompressSync(code).length
    }
    const more = [...later].filter((file) => !files.has(file)).reduce((sum, file) => sum + gzipped(file), 0)
    return { path, files: files.size, bytes, gzip, brotli, later: more }
  })
}

export const bundle = async (): Promise<Part> => {
  const build = join(root, "svelte-ui/build")
  const sizes = sizesOf(build)
  const minimal = await MinimalKit.during(async (built) => sizesOf(built)[0]!)
  const most = Math.max(...sizes.map((it) => it.gzip)) / 1_000
  const settings = sizes.filter((it) => it.path.startsWith("/settings")).map((it) => it.gzip / 1_000)
  const styles = readdirSync(join(build, "_app/immutable/assets"))
    .filter((name) => name.endsWith(".css"))
    .map((name) => gzipSync(readFileSync(join(build, "_app/immutable/assets", name)), { level: 9 }).length / 1_000)
  return {
    bench: "bundle",
    tables: [
      {
        title: "Script of each page",
        columns: ["page", "files", "kB", "kB gzip", "kB brotli", "later, kB gzip"],
        rows: [...sizes, { ...minimal, path: "minimal Kit" }].map((it) => [
          it.path,
          String(it.files),
          number(it.bytes / 1_000),
          number(it.gzip / 1_000),
          number(it.brotli / 1_000),
          number(it.later / 1_000)
        ]),
        notes: [
          "Later: what the page loads when it is needed, Markdown for instance; languages other than English left out.",
          `All styles: ${number(styles.reduce((sum, it) => sum + it, 0))} kB gzip.`
        ]
      }
    ],
    goals: [
      measured("script of the settings page (kB gzip)", { is: "at most", than: 90 }, exactly(Math.max(...settings))),
      measured(
        "the same ÷ minimal Kit",
        { is: "at most", than: 2.5 },
        exactly(Math.max(...settings) / (minimal.gzip / 1_000))
      ),
      measured("script of the largest page (kB gzip)", { is: "at most", than: 90 }, exactly(most))
    ]
  }
}
