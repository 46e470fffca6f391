/** The last page of transcripts of very different lengths: in process beside SQLite, and over HTTP. */
import { join } from "node:path"
import { inTurns, type Settings } from "./Contest.ts"
import { HttpLoad, request } from "./HttpLoad.ts"
import { contender, during, product, root } from "./Process.ts"
import { measured, number, type Part, type Table, within } from "./Report.ts"
import { quantile, ratio, spread } from "./Spread.ts"
import { populate } from "./Stores.ts"

const lengths = [1_000, 100_000, 1_000_000] as const
const limit = 200

const nameOf = (kind: string, length: number): string => `${kind} ${length}`

export const transcript = (settings: Settings): Promise<Part> =>
  during(async ({ folder, keep }) => {
    const store = join(folder, "store")
    for (const length of lengths) await populate(store, 1, length, `t${length}`)
    const worker = (length: number) => `t${length}-00000`
    const contest = lengths.flatMap((length) => [nameOf("store", length), nameOf("sqlite", length)])
    const readers = {
      store: await keep(contender("store", "reads.ts", ["store", store, root])),
      sqlite: await keep(contender("sqlite", "reads.ts", ["sqlite", folder, root, ...lengths.map(String)]))
    }
    const found = await inTurns(contest, settings.rounds, (name) => {
      const [kind, length] = name.split(" ") as ["store" | "sqlite", string]
      const turn = { worker: worker(Number(length)), length: Number(length), milliseconds: settings.turnMs / 3 }
      return readers[kind].ask<number>({ turn })
    })
    const times = (kind: string, length: number) => found.get(nameOf(kind, length))!
    const table: Table = {
      title: `Last ${limit} items of a transcript, in process (p50)`,
      columns: ["items", "store µs", "÷ 1 000 items", "SQLite by key µs", "store ÷ SQLite"],
      rows: lengths.map((length) => [
        number(length),
        number(spread(times("store", length)).median),
        within(ratio(times("store", length), times("store", 1_000))),
        number(spread(times("sqlite", length)).median),
        within(ratio(times("store", length), times("sqlite", length)))
      ])
    }
    await readers.store.stop()

    const runtime = await keep(
      product("worker-runtime", ["runtime", "serve", "--bind", "127.0.0.1:0", "--store", "fs", "--fs-root", store])
    )
    const load = new HttpLoad(runtime.port, 1)
    const overHttp = await inTurns(lengths.map(String), settings.rounds, async (length) => {
      const path = `/v1/workers/${worker(Number(length))}/transcript?start=${Number(length) - limit}&limit=${limit}`
      const bytes = request("GET", `127.0.0.1:${runtime.port}`, path)
      const window = await load.run(settings.turnMs / 3, () => bytes)
      if (window.failed > 0) throw new Error("a page was not answered")
      return quantile(window.latencies, 0.5)
    })
    load.close()
    const http = (length: number) => overHttp.get(String(length))!
    const httpTable: Table = {
      title: `The same page from the worker-runtime over HTTP (p50)`,
      columns: ["items", "µs", "÷ 1 000 items"],
      rows: lengths.map((length) => [
        number(length),
        number(spread(http(length)).median),
        within(ratio(http(length), http(1_000)))
      ])
    }
    const most = lengths[lengths.length - 1]!
    return {
      bench: "transcript",
      tables: [table, httpTable],
      goals: [
        measured(
          "last page, 1 M items ÷ 1 000",
          { is: "at most", than: 1.1 },
          ratio(times("store", most), times("store", 1_000))
        ),
        measured(
          "last page of 1 M ÷ SQLite by key",
          { is: "at most", than: 0.65 },
          ratio(times("store", most), times("sqlite", most))
        )
      ]
    }
  })
