/** Start and footprint of the bundle and of the sources, beside a bare Node server and a small framework. */
import { mkdirSync, rmSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import * as Program from "../scripts/program.mjs"
import { inTurns, type Settings } from "./Contest.ts"
import { type Launched, run, serve } from "./Launch.ts"
import { during, root } from "./Process.ts"
import { measured, number, type Part, type Table, within } from "./Report.ts"
import { ratio, spread } from "./Spread.ts"

const contender = (file: string): string => fileURLToPath(new URL(`./contenders/${file}`, import.meta.url))

interface Way {
  readonly title: string
  readonly go: () => Promise<Launched>
}

export const start = (settings: Settings): Promise<Part> =>
  during(async ({ folder }) => {
    let empty = 0
    const coldCache = (): string => {
      const path = join(folder, `cold-${empty++}`)
      mkdirSync(path)
      return path
    }
    const warmCache = join(folder, "warm")
    let workspaces = 0
    const served = (main: string, cache: () => string): (() => Promise<Launched>) => {
      const workspace = join(folder, `workspace-${workspaces++}`)
      mkdirSync(workspace)
      const args = [main, "serve", "--workspace", workspace, "--listen", "127.0.0.1:0"]
      return () => serve(args, { NODE_COMPILE_CACHE: cache() }, true)
    }
    const ofSource = join(root, "src/app/main.ts")
    // What the package ships, and what `npm start` runs: the bundle of the sources as they are now.
    if (!Program.isBundled() && !(await Program.bundle())) throw new Error("The program could not be bundled.")
    const bundled = Program.main()
    const warm = () => warmCache
    const told = (main: string) => async (): Promise<Launched> => ({
      ready: await run([main, "--version"], { NODE_COMPILE_CACHE: warmCache }),
      rss: Number.NaN
    })
    const runtime = (main: string) => () =>
      serve([main, "runtime", "serve", "--bind", "127.0.0.1:0"], { NODE_COMPILE_CACHE: warmCache }, true)
    const other = (file: string) => () => serve([contender(file)], { NODE_COMPILE_CACHE: warmCache }, true)
    const before = settings.before === undefined ? undefined : join(settings.before, "src/app/main.ts")
    const ways: Record<string, Way> = {
      bare: { title: "bare node:http", go: other("bare.ts") },
      fastify: { title: "fastify", go: other("fastify.ts") },
      bundleCold: { title: "serve, first start", go: served(bundled, coldCache) },
      bundle: { title: "serve", go: served(bundled, warm) },
      source: { title: "serve, from its sources", go: served(ofSource, warm) },
      ...(before === undefined
        ? {}
        : { before: { title: "serve before, from its sources", go: served(before, warm) } }),
      runtime: { title: "runtime serve", go: runtime(bundled) },
      runtimeSource: { title: "runtime serve, from its sources", go: runtime(ofSource) },
      version: { title: "--version", go: told(bundled) },
      ...(before === undefined ? {} : { versionBefore: { title: "--version before", go: told(before) } })
    }
    const names = Object.keys(ways)
    const found = await inTurns(names, settings.rounds, (name) => ways[name]!.go())
    for (let used = 0; used < empty; used++) rmSync(join(folder, `cold-${used}`), { recursive: true })
    const ready = (name: string) => found.get(name)!.map((it) => it.ready)
    const rss = (name: string) => found.get(name)!.map((it) => it.rss / 2 ** 20)
    const table: Table = {
      title: "Start, and memory at rest",
      columns: ["what", "ready after ms", "÷ bare", "RSS MiB", "÷ bare"],
      rows: names.map((name) => [
        ways[name]!.title,
        number(spread(ready(name)).median),
        within(ratio(ready(name), ready("bare"))),
        number(spread(rss(name)).median),
        within(ratio(rss(name), rss("bare")))
      ])
    }
    return {
      bench: "start",
      tables: [table],
      goals: [
        measured("serve ready (ms)", { is: "at most", than: 600 }, spread(ready("bundle"))),
        measured("serve ready, from its sources (ms)", { is: "at most", than: 600 }, spread(ready("source"))),
        measured("serve ready ÷ bare", { is: "at most", than: 1.75 }, ratio(ready("bundle"), ready("bare"))),
        measured("idle memory of serve (MiB)", { is: "at most", than: 120 }, spread(rss("bundle"))),
        measured("idle memory of serve ÷ fastify", { is: "at most", than: 1.25 }, ratio(rss("bundle"), rss("fastify")))
      ]
    }
  })
