/**
 * Commits per second of the file store beside what the same disk gives without it, in turns (A B C, C B A, …), so that
 * only the ratios count. `node bench/worker-store.ts [folder] [rounds]`; the folder decides which disk is measured.
 *
 * - `serial`: one write and one fdatasync for each commit;
 * - `group`: raw group commit of the same bytes into blocks written in advance, encoding included;
 * - `bytes`: the same with a record that was encoded once, the limit of the disk.
 */
import { closeSync, fdatasync, mkdtempSync, openSync, rmSync, write, writeSync, fsyncSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect } from "effect"
import { Author } from "../contracts/worker-store/Author.ts"
import * as FileWorkerStore from "../src/adapters/stores/FileWorkerStore.ts"
import { type Commit, WorkerStore } from "../src/domain/WorkerStore.ts"

const folder = mkdtempSync(join(process.argv[2] ?? tmpdir(), "bench-store-"))
const rounds = Number(process.argv[3] ?? 7)
const windowMs = 1_000
const preparedBytes = 268_435_456
const said = "please look at the failing build once more and tell me why"

const encode = ({ worker, log_epoch, events, items }: Commit): string =>
  [
    JSON.stringify({ worker, log_epoch }),
    ...events.map((it) => JSON.stringify(it)),
    ...items.map((it) => JSON.stringify(it)),
    ""
  ].join("\n")

const rawFile = join(folder, "raw")
const prepare = (): void => {
  const fd = openSync(rawFile, "w")
  const zeros = Buffer.alloc(1_048_576)
  for (let at = 0; at < preparedBytes; at += zeros.length) writeSync(fd, zeros)
  fsyncSync(fd)
  closeSync(fd)
}

/** Group commit in as few lines as it takes; `together` false makes each commit a batch of its own. */
const raw = (writers: number, together: boolean, payload: (commit: Commit) => string): Promise<number> => {
  const fd = openSync(rawFile, "r+")
  let queue: Array<readonly [string, () => void]> = []
  let running = false
  let position = 0
  let done = 0
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
      fdatasync(fd, (unsynced) => {
        if (unsynced !== null) throw unsynced
        done += batch.length
        for (const [, taken] of batch) taken()
        setImmediate(cut)
      })
    })
  }
  const commit = (text: string) =>
    new Promise<void>((resolve) => {
      queue.push([text, resolve])
      if (running) return
      running = true
      setImmediate(cut)
    })
  const end = performance.now() + windowMs
  const writer = async (_: unknown, index: number): Promise<void> => {
    const author = new Author(`w${index}`)
    while (performance.now() < end) await commit(payload(author.next({ say: [said] })))
  }
  return Promise.all(Array.from({ length: writers }, writer)).then(() => {
    closeSync(fd)
    return (done / windowMs) * 1_000
  })
}

const authors = new Map<string, Author>()
const author = (id: string): Author => {
  const known = authors.get(id) ?? new Author(id)
  authors.set(id, known)
  return known
}

const product = (writers: number): Promise<number> =>
  Effect.runPromise(
    Effect.gen(function* () {
      const store = yield* WorkerStore
      let done = 0
      const end = performance.now() + windowMs
      yield* Effect.forEach(
        Array.from({ length: writers }, (_, index) => author(`w${index}`)),
        Effect.fnUntraced(function* (writer) {
          while (performance.now() < end) {
            yield* store.commit(writer.next({ say: [said] }))
            done += 1
          }
        }),
        { concurrency: "unbounded", discard: true }
      )
      return (done / windowMs) * 1_000
    }).pipe(Effect.provide(FileWorkerStore.layer({ root: join(folder, "store") }), { local: true }))
  )

const quantile = (values: ReadonlyArray<number>, at: number): number =>
  values.toSorted((a, b) => a - b)[Math.round((values.length - 1) * at)]!

const once = encode(new Author("w0").next({ say: [said] }))
const contenders: Record<string, (writers: number) => Promise<number>> = {
  store: product,
  group: (writers) => raw(writers, true, encode),
  bytes: (writers) => raw(writers, true, () => once),
  serial: (writers) => raw(writers, false, encode)
}

prepare()
try {
  for (const writers of [1, 64]) {
    const rates: Record<string, Array<number>> = {}
    const names = Object.keys(contenders)
    for (let round = 0; round <= rounds; round++) {
      for (const name of round % 2 === 0 ? names : names.toReversed()) {
        const rate = await contenders[name]!(writers)
        // The first round warms up.
        if (round > 0) (rates[name] ??= []).push(rate)
      }
    }
    console.log(`${writers} writer${writers === 1 ? "" : "s"}, ${rounds} rounds, commits of ${once.length} bytes`)
    for (const name of names) {
      const own = rates[name]!
      const ratios = rates["store"]!.map((rate, round) => rate / own[round]!)
      const spread = [0.25, 0.5, 0.75].map((at) => quantile(ratios, at).toFixed(2))
      console.log(
        `  ${name.padEnd(7)} ${Math.round(quantile(own, 0.5))}/s (${Math.round(Math.min(...own))} to ${Math.round(Math.max(...own))}), store ÷ ${name} = ${spread[1]} [${spread[0]}, ${spread[2]}]`
      )
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}
