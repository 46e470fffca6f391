/** How cost grows with what is there: workers in a list and at a start, connections in the config, text in flight. */
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { alias, backend, configure, entry } from "./Backend.ts"
import { inTurns, type Settings } from "./Contest.ts"
import type { Run } from "./contenders/eventSource.ts"
import { bodyOf, HttpLoad, once, request, statusOf } from "./HttpLoad.ts"
import { serve } from "./Launch.ts"
import { contender, during, loadCores, product, root } from "./Process.ts"
import { cpuMicros } from "./ProcStat.ts"
import { measured, number, type Part, type Table, within } from "./Report.ts"
import { quantile, ratio, spread } from "./Spread.ts"
import { populate } from "./Stores.ts"
import { emptyTally, open, webSocket } from "./Watchers.ts"

const sizes = [10, 1_000, 10_000] as const
const least = String(sizes[0])

/** A line for each size, and what it costs beside the smallest. */
const grown = (
  title: string,
  unit: string,
  label: string,
  found: ReadonlyMap<string, ReadonlyArray<number>>
): Table => {
  const [first] = [...found.keys()]
  return {
    title,
    columns: [label, unit, `÷ ${number(Number(first))}`],
    rows: [...found].map(([size, values]) => [
      number(Number(size)),
      number(spread(values).median),
      within(ratio(values, found.get(first!)!))
    ])
  }
}

/** The same, with what a server that only sends the same bytes takes: copying them grows with their number as well. */
const beside = (
  title: string,
  found: ReadonlyMap<string, ReadonlyArray<number>>,
  raw: ReadonlyMap<string, ReadonlyArray<number>>
): Table => {
  const { columns, rows } = grown(title, "p50 µs", "workers", found)
  return {
    title,
    columns: [...columns, "same bytes, bare server µs", "÷ bare"],
    rows: rows.map((row, at) => {
      const size = [...found.keys()][at]!
      return [...row, number(spread(raw.get(size)!).median), within(ratio(found.get(size)!, raw.get(size)!))]
    }),
    notes: [
      `The bare server's own answer for ${number(sizes[2])} workers takes ${number(ratio(raw.get(String(sizes[2]))!, raw.get(String(sizes[1]))!).median)} times that for ${number(sizes[1])}.`
    ]
  }
}

const workers = (settings: Settings) =>
  during(async ({ folder, keep }) => {
    const store = (size: number | string) => join(folder, `store-${size}`)
    for (const size of sizes) await populate(store(size), size, 4)
    const args = (size: number | string) => [
      join(root, "src/app/main.ts"),
      "runtime",
      "serve",
      "--bind",
      "127.0.0.1:0",
      "--store",
      "fs",
      "--fs-root",
      store(size)
    ]
    const cache = { NODE_COMPILE_CACHE: join(folder, "cache") }
    const starts = await inTurns(
      sizes.map(String),
      Math.max(3, Math.ceil(settings.rounds / 2)),
      async (size) => (await serve(args(size), cache, false)).ready
    )
    const ports = new Map<string, number>()
    for (const size of sizes) {
      const it = await keep(product(`runtime of ${size}`, args(size).slice(1)))
      ports.set(String(size), it.port)
    }
    const timed = async (port: number, path: string) => {
      const load = new HttpLoad(port, 1)
      const bytes = request("GET", `127.0.0.1:${port}`, path)
      const { failed, latencies } = await load.run(settings.turnMs / 3, () => bytes)
      load.close()
      if (failed > 0) throw new Error("a list was not answered")
      return quantile(latencies, 0.5)
    }
    const read = async (path: (size: string) => string) =>
      inTurns(sizes.map(String), settings.rounds, (size) => timed(ports.get(size)!, path(size)))
    const last = (size: string) => `w-${String(Math.max(0, Number(size) - 11)).padStart(5, "0")}`
    const recorded: Record<string, string> = {}
    for (const [size, port] of ports) {
      const answer = await once(port, request("GET", `127.0.0.1:${port}`, "/v1/workers"), 10_000)
      if (answer === undefined) throw new Error("a list was not answered")
      recorded[`/${size}`] = bodyOf(answer)
    }
    writeFileSync(join(folder, "lists.json"), JSON.stringify(recorded))
    const bare = await keep(contender("same bytes", "replay.ts", [join(folder, "lists.json")]))
    const raw = await inTurns(sizes.map(String), settings.rounds, (size) => timed(bare.port, `/${size}`))
    const whole = await read(() => "/v1/workers")
    const page = await read((size) => `/v1/workers?limit=10&cursor=${last(size)}`.replace("&cursor=w-00000", ""))
    const one = await read(() => "/v1/workers/w-00000")
    const described = await read(() => "/v1/runtime")
    return {
      tables: [
        grown("Start of a worker-runtime by workers in its store", "ready after ms", "workers", starts),
        beside("List of all workers", whole, raw),
        grown("Last 10 of the list", "p50 µs", "workers", page),
        grown("One worker", "p50 µs", "workers", one),
        grown("What the runtime says of itself", "p50 µs", "workers", described)
      ],
      goals: [
        measured(
          "start, 10 000 workers ÷ 10",
          { is: "at most", than: 10 },
          ratio(starts.get("10000")!, starts.get(least)!)
        ),
        measured(
          "whole list, 10 000 workers ÷ 1 000 (10 = linear)",
          { is: "at most", than: 11 },
          ratio(whole.get("10000")!, whole.get("1000")!)
        ),
        measured(
          "whole list of 10 000 ÷ the same bytes from a bare server",
          { is: "at most", than: 2 },
          ratio(whole.get("10000")!, raw.get("10000")!)
        ),
        measured(
          "last 10, 10 000 workers ÷ 10",
          { is: "at most", than: 1.5 },
          ratio(page.get("10000")!, page.get(least)!)
        ),
        measured("one worker, 10 000 ÷ 10", { is: "at most", than: 1.2 }, ratio(one.get("10000")!, one.get(least)!)),
        measured(
          "runtime's own description, 10 000 ÷ 10",
          { is: "at most", than: 1.5 },
          ratio(described.get("10000")!, described.get(least)!)
        )
      ]
    }
  })

const connectionCounts = [10, 1_000] as const

const connections = (settings: Settings) =>
  during(async ({ folder, keep }) => {
    const ports = new Map<string, number>()
    for (const count of connectionCounts) {
      const workspace = join(folder, String(count))
      mkdirSync(workspace)
      const entries = Array.from(
        { length: count },
        (_, at) => `# Number ${at}\n${entry(`r-${at}`, `http://127.0.0.1:${10_000 + at}`)}`
      )
      configure(workspace, entries.join("\n"))
      const args = ["serve", "--workspace", workspace, "--listen", "127.0.0.1:0"]
      ports.set(String(count), (await keep(product(`backend of ${count}`, args))).port)
    }
    let renamed = 0
    const found = await inTurns(connectionCounts.map(String), settings.rounds, async (count) => {
      const port = ports.get(count)!
      const load = new HttpLoad(port, 1)
      const { done, latencies } = await load.run(
        settings.turnMs,
        () => {
          const body = JSON.stringify({ display_name: `Renamed ${renamed++}` })
          return request("PATCH", `127.0.0.1:${port}`, "/api/settings/runtime-connections/r-5", body)
        },
        (answer) => {
          if (statusOf(answer) >= 300) throw new Error(`a setting was not written: ${answer.toString().slice(0, 600)}`)
          return true
        }
      )
      load.close()
      if (done === 0) throw new Error("no setting was written in time")
      return quantile(latencies, 0.5)
    })
    return {
      tables: [grown("One name changed in the config file", "p50 µs", "connections", found)],
      goals: [
        measured(
          "settings write, 1 000 connections ÷ 10 (100 = linear)",
          { is: "at most", than: 110 },
          ratio(found.get("1000")!, found.get("10")!)
        )
      ]
    }
  })

const length = 1_000
/** Text in flight before the turn, in events of that length: none, and as much as a snapshot shows. */
const inFlight = [0, 1_100] as const

const deltas = (settings: Settings) =>
  during(async ({ folder, keep }) => {
    const source = await keep(contender("source", "eventSource.ts", [], { cores: loadCores }))
    mkdirSync(join(folder, "workspace"))
    const it = await keep(backend("backend", join(folder, "workspace"), source.url))
    let turns = 0
    const found = await inTurns(inFlight.map(String), settings.rounds, async (before) => {
      const worker = `grown-${turns++}`
      const tally = emptyTally()
      const [watcher] = await open([webSocket(it.port, `/api/runtimes/${alias}/workers/${worker}/events/ws`)], tally)
      const run: Omit<Run, "milliseconds"> = { rate: 1_000, workers: [worker], length, durableEvery: 1e9 }
      if (before !== "0") await source.ask<number>({ run: { ...run, milliseconds: Number(before) } })
      const cpu = cpuMicros(it.pid)
      await source.ask<number>({ run: { ...run, milliseconds: 800 } })
      const until = performance.now() + 5_000
      while (tally.received < Number(before) + 800 && performance.now() < until) {
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
      const each = (cpuMicros(it.pid) - cpu) / 800
      watcher!.close()
      return each
    })
    const table: Table = {
      title: "One delta of 1 kB to one watcher, by text in flight before it",
      columns: ["kB in flight", "CPU µs each", "÷ none"],
      rows: inFlight.map((events) => {
        const values = found.get(String(events))!
        return [number(events), number(spread(values).median), within(ratio(values, found.get("0")!))]
      })
    }
    return {
      tables: [table],
      goals: [
        measured(
          "a delta, 1.1 MB in flight ÷ none",
          { is: "at most", than: 1.5 },
          ratio(found.get("1100")!, found.get("0")!)
        )
      ]
    }
  })

export const growth = async (settings: Settings): Promise<Part> => {
  const parts = [await workers(settings), await connections(settings), await deltas(settings)]
  return { bench: "growth", tables: parts.flatMap((it) => it.tables), goals: parts.flatMap((it) => it.goals) }
}
