/** Inputs that a worker-runtime acknowledges over HTTP, beside the least that a durable HTTP append can be. */
import { mkdirSync } from "node:fs"
import { join } from "node:path"
import { inTurns, type Settings } from "../Contest.ts"
import { HttpLoad, once, request, statusOf } from "../HttpLoad.ts"
import { contender, during, product, type Running } from "../Process.ts"
import { cpuMicros } from "../ProcStat.ts"
import { type Measured, number, type Table, within } from "../Report.ts"
import { ratio, spread } from "../Spread.ts"

/** So many workers take turns on one connection: each is busy with its answer for a moment. */
const workersEach = 8
const said = JSON.stringify({ kind: "user", content: "go on" })

export const overHttp = (settings: Settings) =>
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
