/**
 * Commits to disk by as many writers as asked for, one kind of writing to a process: the product's file store, or what
 * the same disk gives without it.
 *
 * - `store`: the product's;
 * - `group`: one write and one fdatasync for all that wait, into blocks written in advance, encoding included;
 * - `dsync`: the same with one synced write in place of the two calls;
 * - `bytes`: `group` with a record that was encoded once, the limit of the disk;
 * - `serial`: one write and one fdatasync for each commit;
 * - `sqlite`: node:sqlite, WAL, synchronous=FULL, a transaction for each commit;
 * - `redis`: an XADD for each commit over a connection of the writer's own, to the server at the port that is named.
 */
import { closeSync, constants, fdatasync, fsyncSync, openSync, write, writeSync } from "node:fs"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { Effect, ManagedRuntime } from "effect"
import { Author } from "../../contracts/worker-store/Author.ts"
import type { Commit, WorkerStore } from "../../src/domain/WorkerStore.ts"
import { storeOf } from "./checkout.ts"
import { redisCommits } from "./redisCommits.ts"

const [, , kind, folder, checkout, port] = process.argv as [string, string, string, string, string, string?]
const preparedBytes = 268_435_456
const said = "please look at the failing build once more and tell me why"

type Commits = (commit: Commit) => Promise<void>

const encode = ({ worker, log_epoch, events, items }: Commit): string =>
  [
    JSON.stringify({ worker, log_epoch }),
    ...events.map((it) => JSON.stringify(it)),
    ...items.map((it) => JSON.stringify(it)),
    ""
  ].join("\n")

const prepared = (path: string, flags: number): number => {
  const fd = openSync(path, "w")
  const zeros = Buffer.alloc(1_048_576)
  for (let at = 0; at < preparedBytes; at += zeros.length) writeSync(fd, zeros)
  fsyncSync(fd)
  closeSync(fd)
  return openSync(path, constants.O_RDWR | flags)
}

/**
 * Group commit in as few lines as it takes.
 *
 * @param together false makes each commit a batch of its own
 * @param synced a write syncs what it has written
 */
const raw = (together: boolean, payload: (commit: Commit) => string, synced = false): Commits => {
  const fd = prepared(join(folder, kind), synced ? constants.O_DSYNC : 0)
  let queue: Array<readonly [string, () => void]> = []
  let running = false
  let position = 0
  const cut = (): void => {
    running = queue.length > 0
    if (!running) return
    const batch = together ? queue : queue.slice(0, 1)
    queue = together ? [] : queue.slice(1)
    const bytes = Buffer.from(batch.map(([text]) => text).join(""))
    if (position + bytes.length > preparedBytes) position = 0
    write(fd, bytes, 0, bytes.length, position, (failed) => {
      if (failed !== null) throw failed
      position += bytes.length
      const done = (unsynced: Error | null): void => {
        if (unsynced !== null) throw unsynced
        for (const [, taken] of batch) taken()
        setImmediate(cut)
      }
      if (synced) done(null)
      else fdatasync(fd, done)
    })
  }
  return (commit) =>
    new Promise<void>((resolve) => {
      queue.push([payload(commit), resolve])
      if (running) return
      running = true
      setImmediate(cut)
    })
}

const sqlite = (): Commits => {
  const db = new DatabaseSync(join(folder, "sqlite"))
  db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE log (body TEXT NOT NULL)")
  const insert = db.prepare("INSERT INTO log VALUES (?)")
  return (commit) => {
    insert.run(encode(commit))
    return Promise.resolve()
  }
}

const raws: Record<string, () => Commits> = {
  group: () => raw(true, encode),
  dsync: () => raw(true, encode, true),
  bytes: () => {
    const once = encode(new Author("w0").next({ say: [said] }))
    return raw(true, () => once)
  },
  serial: () => raw(false, encode),
  sqlite,
  redis: () => {
    const append = redisCommits(Number(port))
    return (commit) => append(commit.worker.worker_id, encode(commit))
  }
}

const authors = new Map<string, Author>()
const author = (id: string): Author => {
  const known = authors.get(id) ?? new Author(id)
  authors.set(id, known)
  return known
}

const viaPromises = async (writers: number, milliseconds: number, commit: Commits): Promise<number> => {
  let done = 0
  const end = performance.now() + milliseconds
  const writer = async (_: unknown, index: number): Promise<void> => {
    const own = author(`w${index}`)
    while (performance.now() < end) {
      await commit(own.next({ say: [said] }))
      done += 1
    }
  }
  await Promise.all(Array.from({ length: writers }, writer))
  return done
}

const viaEffect = (store: WorkerStore["Service"], writers: number, milliseconds: number) =>
  Effect.suspend(() => {
    let done = 0
    const end = performance.now() + milliseconds
    return Effect.forEach(
      Array.from({ length: writers }, (_, index) => author(`w${index}`)),
      Effect.fnUntraced(function* (own) {
        while (performance.now() < end) {
          yield* store.commit(own.next({ say: [said] }))
          done += 1
        }
      }),
      { concurrency: "unbounded", discard: true }
    ).pipe(Effect.map(() => done))
  })

interface Turn {
  readonly writers: number
  readonly milliseconds: number
}

const make = async (): Promise<(turn: Turn) => Promise<number>> => {
  const of = raws[kind]
  if (of !== undefined) {
    const commit = of()
    return ({ writers, milliseconds }) => viaPromises(writers, milliseconds, commit)
  }
  const product = await storeOf(checkout)
  const runtime = ManagedRuntime.make(product.layer({ root: join(folder, kind) }))
  const store = await runtime.runPromise(product.WorkerStore)
  return ({ writers, milliseconds }) => runtime.runPromise(viaEffect(store, writers, milliseconds))
}

const turn = await make()
process.on("message", (message: { turn?: Turn }) => {
  if (message.turn !== undefined) void turn(message.turn).then((answer) => process.send?.({ answer }))
})
process.once("SIGTERM", () => process.exit(0))
// The channel of the probe keeps nothing alive.
setInterval(() => undefined, 60_000)
console.log("http://127.0.0.1:1")
