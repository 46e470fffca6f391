/** Reads the last page of a transcript in a loop: from the product's file store, or from SQLite by its key. */
import { existsSync } from "node:fs"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { Effect, ManagedRuntime } from "effect"
import { WorkerId } from "../../src/domain/Identifiers.ts"
import { storeOf } from "./checkout.ts"

const [, , kind, folder, checkout] = process.argv as [string, string, string, string, string]
const limit = 200

interface Turn {
  readonly worker: string
  readonly length: number
  readonly milliseconds: number
}

const loop = async (milliseconds: number, read: () => Promise<number>): Promise<number> => {
  const times: Array<number> = []
  const end = performance.now() + milliseconds
  while (performance.now() < end) {
    const started = performance.now()
    if ((await read()) !== limit) throw new Error("the page is not whole")
    times.push((performance.now() - started) * 1_000)
  }
  return times.toSorted((a, b) => a - b)[times.length >> 1]!
}

const ofStore = async () => {
  const product = await storeOf(checkout)
  const runtime = ManagedRuntime.make(product.layer({ root: folder }))
  const store = await runtime.runPromise(product.WorkerStore)
  return ({ length, milliseconds, worker }: Turn) =>
    loop(milliseconds, () =>
      Effect.runPromise(
        Effect.map(store.transcript(WorkerId.make(worker), length - limit, limit), (items) => items.length)
      )
    )
}

const ofSqlite = (lengths: ReadonlyArray<number>) => {
  const path = join(folder, "transcript.sqlite")
  const isNew = !existsSync(path)
  const db = new DatabaseSync(path)
  if (isNew) {
    db.exec(
      "PRAGMA synchronous = OFF; CREATE TABLE item (worker TEXT, sequence INTEGER, body TEXT, PRIMARY KEY (worker, sequence)) WITHOUT ROWID; BEGIN"
    )
    const insert = db.prepare("INSERT INTO item VALUES (?, ?, ?)")
    for (const length of lengths) {
      for (let sequence = 1; sequence <= length; sequence++) {
        const content = "please look at the failing build once more and tell me why it is"
        insert.run(
          String(length),
          sequence,
          JSON.stringify({ sequence, role: "user", content, event_id: sequence + 1 })
        )
      }
    }
    db.exec("COMMIT")
  }
  const page = db.prepare("SELECT body FROM item WHERE worker = ? AND sequence > ? ORDER BY sequence LIMIT 200")
  return ({ length, milliseconds }: Turn) =>
    loop(milliseconds, () => {
      const rows = page.all(String(length), length - limit) as unknown as ReadonlyArray<{ readonly body: string }>
      return Promise.resolve(rows.map(({ body }) => JSON.parse(body) as unknown).length)
    })
}

const lengths = process.argv.slice(5).map(Number)
const turn = kind === "sqlite" ? ofSqlite(lengths) : await ofStore()
process.on("message", (message: { turn?: Turn }) => {
  if (message.turn !== undefined) void turn(message.turn).then((answer) => process.send?.({ answer }))
})
process.once("SIGTERM", () => process.exit(0))
// The channel of the probe keeps nothing alive.
setInterval(() => undefined, 60_000)
console.log("http://127.0.0.1:1")
