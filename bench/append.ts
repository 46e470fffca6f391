/** Acknowledged changes per second, beside what the same disk gives without the product: in process, and over HTTP. */
import { mkdirSync } from "node:fs"
import { join } from "node:path"
import { inTurns, type Settings } from "./Contest.ts"
import { HttpLoad, once, request, statusOf } from "./HttpLoad.ts"
import { contender, during, product, root, type Running } from "./Process.ts"
import { cpuMicros } from "./ProcStat.ts"
import { measured, type Measured, number, type Part, type Table, within } from "./Report.ts"
import { ratio, spread } from "./Spread.ts"

const kinds = ["store", "group", "bytes", "serial", "sqlite"] as const

const inProcess = (settings: Settings) =>
  during(async ({ folder, keep }) => {
    const { before, rounds, turnMs } = settings
    const field = new Map<string, Running>()
    for (const kind of kinds) {
      // Only the store has to be pinned apart from nobody: its disk threads may run anywhere.
      field.set(kind, await keep(contender(kind, "commits.ts", [kind, folder, root], { cores: "0-1" })))
    }
    if (before !== undefined) {
      const args = ["store before", folder, before]
      field.set("store before", await keep(contender("store before", "commits.ts", args, { cores: "0-1" })))
    }
    const names = [...field.keys()]
    const tables: Array<Table> = []
    const goals: Array<Measured> = []
    for (const writers of [1, 64]) {
      const found = await inTurns(names, rounds, async (name) => {
        const it = field.get(name)!
        const before_ = cpuMicros(it.pid)
        const done = await it.ask<number>({ turn: { writers, milliseconds: turnMs } })
        return { rate: (done * 1_000) / turnMs, cpu: (cpuMicros(it.pid) - before_) / done }
      })
      const rates = (name: string) => found.get(name)!.map((it) => it.rate)
      tables.push({
        title: `Durable commits of the file store, ${writers} writer${writers === 1 ? "" : "s"}`,
        columns: ["way", "commits/s", "store ÷ this", "CPU µs each"],
        rows: names.map((name) => [
          name,
          number(spread(rates(name)).median),
          within(ratio(rates("store"), rates(name))),
          number(spread(found.get(name)!.map((it) => it.cpu)).median)
        ])
      })
      if (writers === 1) {
        const one = ratio(rates("store"), rates("serial"))
        goals.push(measured("1 writer ÷ one fdatasync each", { is: "at least", than: 0.6 }, one))
      } else {
        const group = ratio(rates("store"), rates("group"))
        goals.push(measured("64 writers ÷ raw group commit", { is: "at least", than: 0.8 }, group))
        const sqlite = ratio(rates("store"), rates("sqlite"))
        goals.push(measured("64 writers ÷ SQLite, a transaction each", { is: "at least", than: 10 }, sqlite))
      }
    }
    return { tables, goals }
  })

/** So many workers take turns on one connection: each is busy with its answer for a moment. */
const workersEach = 8
const said = JSON.stringify({ kind: "user", content: "go on" })

const overHttp = (settings: Settings) =>
  during(async ({ folder, keep }) => {
    const { before, rounds, turnMs } = settings
    const runtime = async (name: string, checkout?: string): Promise<Running> => {
      const store = join(folder, name)
      mkdirSync(store)
      const args = ["runtime", "serve", "--bind", "127.0.0.1:0", "--store", "fs", "--fs-root", store]
      return keep(product(name, args, checkout === undefined ? {} : { checkout }))
    }
    const field = [
      await runtime("worker-runtime"),
      ...(before === undefined ? [] : [await runtime("runtime before", before)]),
      await keep(contender("raw", "durableHttp.ts", [join(folder, "raw")]))
    ]
    const byName = new Map(field.map((it) => [it.name, it]))
    for (const { name, port } of field) {
      if (name === "raw") continue
      for (let at = 0; at < 64 * workersEach; at++) {
        const body = JSON.stringify({ worker_id: `w-${at}` })
        const answer = await once(port, request("POST", `127.0.0.1:${port}`, "/v1/workers", body), 10_000)
        if (answer === undefined || statusOf(answer) >= 300) throw new Error("a worker was not created")
      }
    }
    const tables: Array<Table> = []
    const goals: Array<Measured> = []
    for (const writers of [1, 64]) {
      const loads = new Map(field.map((it) => [it.name, new HttpLoad(it.port, writers)]))
      const found = await inTurns(
        field.map(({ name }) => name),
        rounds,
        async (name) => {
          const { pid, port } = byName.get(name)!
          const turn = Array.from({ length: writers }, () => 0)
          const inputs = Array.from({ length: writers * workersEach }, (_, at) =>
            request("POST", `127.0.0.1:${port}`, `/v1/workers/w-${at}/input`, said)
          )
          const cpu = cpuMicros(pid)
          const { done, failed, seconds } = await loads
            .get(name)!
            .run(turnMs, (at) => inputs[at * workersEach + (turn[at]!++ % workersEach)]!)
          return { rate: done / seconds, cpu: (cpuMicros(pid) - cpu) / done, refused: failed }
        }
      )
      for (const load of loads.values()) load.close()
      const rates = (name: string) => found.get(name)!.map((it) => it.rate)
      tables.push({
        title: `Acknowledged inputs over HTTP, ${writers} connection${writers === 1 ? "" : "s"}`,
        columns: ["server", "acks/s", "÷ raw", "CPU µs each", "refused as busy"],
        rows: field.map(({ name }) => [
          name,
          number(spread(rates(name)).median),
          within(ratio(rates(name), rates("raw"))),
          number(spread(found.get(name)!.map((it) => it.cpu)).median),
          number(found.get(name)!.reduce((sum, it) => sum + it.refused, 0))
        ]),
        notes: [
          "An input is two events and an item, and the answer of the echo that follows it three events and an item more: five changes of state, in three commits."
        ]
      })
    }
    return { tables, goals }
  })

export const append = async (settings: Settings): Promise<Part> => {
  const inner = await inProcess(settings)
  const outer = await overHttp(settings)
  return { bench: "append", tables: [...inner.tables, ...outer.tables], goals: [...inner.goals, ...outer.goals] }
}
