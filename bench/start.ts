/** Start and footprint: with and without the compiled code of the last start, beside a bare Node server. */
import { existsSync, mkdirSync, rmSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { inTurns, type Settings } from "./Contest.ts"
import { type Launched, run, serve } from "./Launch.ts"
import { during, root } from "./Process.ts"
import { measured, number, type Part, type Table, within } from "./Report.ts"
import { ratio, spread } from "./Spread.ts"

const bare = fileURLToPath(new URL("./contenders/bare.ts", import.meta.url))

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
    const packaged = join(root, "bin/yoi-workspace.mjs")
    const told = (main: string) => async (): Promise<Launched> => ({
      ready: await run([main, "--version"], { NODE_COMPILE_CACHE: warmCache }),
      rss: Number.NaN
    })
    const ways: Record<string, Way> = {
      bare: { title: "bare node:http", go: () => serve([bare], { NODE_COMPILE_CACHE: warmCache }, true) },
      cold: { title: "serve, first start", go: served(ofSource, coldCache) },
      warm: { title: "serve", go: served(ofSource, () => warmCache) },
      ...(settings.before === undefined
        ? {}
        : { before: { title: "serve before", go: served(join(settings.before, "src/app/main.ts"), () => warmCache) } }),
      runtime: {
        title: "runtime serve",
        go: () =>
          serve([ofSource, "runtime", "serve", "--bind", "127.0.0.1:0"], { NODE_COMPILE_CACHE: warmCache }, true)
      },
      ...(existsSync(join(root, "dist/app/main.js"))
        ? { packaged: { title: "serve, installed package", go: served(packaged, () => warmCache) } }
        : {}),
      version: { title: "--version", go: told(ofSource) },
      ...(settings.before === undefined
        ? {}
        : { versionBefore: { title: "--version before", go: told(join(settings.before, "src/app/main.ts")) } })
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
        measured("serve ready (ms)", { is: "at most", than: 600 }, spread(ready("warm"))),
        measured("idle memory of serve (MiB)", { is: "at most", than: 120 }, spread(rss("warm")))
      ]
    }
  })
