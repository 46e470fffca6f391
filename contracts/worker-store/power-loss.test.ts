/** Power goes away at any moment: what was acknowledged is there, once and in order, and nothing else is. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit } from "effect"
import { WorkerId } from "../../src/domain/Identifiers.ts"
import type { Worker } from "../../src/domain/Worker.ts"
import { type Receipt, WorkerStore } from "../../src/domain/WorkerStore.ts"
import { Author } from "./Author.ts"
import { Dice } from "./Dice.ts"
import { type Faults, SimulatedDisk } from "./SimulatedDisk.ts"
import { simulatedStore } from "./simulatedStore.ts"

/** Each ends twice in each of its lives, mostly by power: 2 400 times together. `POWER_LOSS_STORES` sets another number. */
const stores = Number(process.env["POWER_LOSS_STORES"] ?? 200)
const lives = 3
/** Far from the seeds of the other case. */
const otherSeeds = 1_000_000
const workers = ["a", "b", "c", "d"]
const commitsPerLife = 12
/** Calls of a life after which the power may go. */
const longestLife = 400
const never = Number.MAX_SAFE_INTEGER

/** What was promised about one worker. */
interface Promised {
  contents: ReadonlyArray<string>
  /** Contents of the commits since then that were not answered, or refused: the power may have gone in the middle. */
  open: ReadonlyArray<ReadonlyArray<string>>
  /** Removal was asked for and not answered. */
  leaving: boolean
  worker: Worker | undefined
}

class Promises {
  epoch: string | undefined
  readonly workers = new Map<string, Promised>(
    workers.map((id) => [id, { contents: [], open: [], leaving: false, worker: undefined }])
  )
  readonly receipts = new Map<string, Receipt>()
}

/** Compares what is there with what was promised, and goes on from what is there. */
const verify = Effect.fnUntraced(function* (promises: Promises, seed: string) {
  const store = yield* WorkerStore
  promises.epoch ??= store.epoch
  assert.strictEqual(store.epoch, promises.epoch, seed)
  const loaded = yield* store.load
  assert.deepStrictEqual(loaded.damaged, [], seed)
  const kept = new Map(loaded.receipts.map((receipt) => [receipt.key, receipt]))
  for (const [key, receipt] of promises.receipts) assert.deepStrictEqual(kept.get(key), receipt, seed)
  const found = new Map(loaded.workers.map(({ worker }) => [worker.worker_id as string, worker]))
  for (const [id, promised] of promises.workers) {
    const worker = found.get(id)
    const items = yield* store.transcript(WorkerId.make(id), 0, 10_000)
    const contents = items.map((item) => item.content)
    const possible = [
      ...(promised.leaving ? [[]] : []),
      promised.contents,
      ...promised.open.map((more) => [...promised.contents, ...more])
    ]
    assert.deepInclude(possible, contents, `${seed} worker ${id}`)
    assert.strictEqual(worker?.transcript_len ?? 0, contents.length, seed)
    for (const [index, item] of items.entries()) assert.strictEqual(item.sequence, index + 1, seed)
    const events = yield* store.events(WorkerId.make(id), 0, 10_000)
    assert.strictEqual(worker?.last_event_id ?? 0, events.length, seed)
    for (const [index, event] of events.entries()) assert.strictEqual(event.seq, index + 1, seed)
    promises.workers.set(id, { contents, open: [], leaving: false, worker })
  }
})

/** One worker's commits and, now and then, its removal. A refused step changes nothing, so the next has the same numbers. */
const live = Effect.fnUntraced(function* (promises: Promises, dice: Dice, life: string, id: string) {
  const store = yield* WorkerStore
  let author = new Author(id, promises.workers.get(id)!.worker)
  for (let number = 0; number < commitsPerLife; number++) {
    const promised = promises.workers.get(id)!
    if (dice.chance(0.03)) {
      promised.leaving = true
      if (Exit.isFailure(yield* Effect.exit(store.remove(author.id)))) continue
      promises.workers.set(id, { contents: [], open: [], leaving: false, worker: undefined })
      author = new Author(id)
      continue
    }
    const name = `${life}.${number}`
    const say = Array.from({ length: dice.below(3) }, (_, part) => `${name}.${part} ${"x".repeat(dice.below(300))}`)
    const key = `${id}.${name}`
    const receipt = { key, fingerprint: "f", answer: { number }, expires_at: 86_400_000 }
    const commit = author.draft({ say, events: dice.below(2), ...(dice.chance(0.3) ? { receipt } : {}) })
    promised.open = [...promised.open, say]
    if (Exit.isFailure(yield* Effect.exit(store.commit(commit)))) continue
    author.accept(commit)
    promises.workers.set(id, {
      contents: [...promised.contents, ...say],
      open: [],
      leaving: false,
      worker: commit.worker
    })
    if (commit.receipt !== undefined) promises.receipts.set(key, receipt)
  }
})

const work = (promises: Promises, dice: Dice, life: string) =>
  Effect.forEach(workers, (id) => live(promises, dice, life, id), { concurrency: "unbounded", discard: true })

const powerOff =
  (at: number): Faults =>
  (call) =>
    call >= at ? { code: "EPOWER" } : undefined

/** A disk error now and then, besides the power. */
const trouble =
  (at: number, dice: Dice): Faults =>
  (call, operation) => {
    if (call >= at) return { code: "EPOWER" }
    if (operation === "lock" || operation === "list" || operation.startsWith("read") || !dice.chance(0.02))
      return undefined
    if (operation === "write" && dice.chance(0.5)) return { code: "ENOSPC", short: dice.below(200) + 1 }
    return { code: dice.chance(0.5) ? "EIO" : "ENOSPC" }
  }

const round = Effect.fnUntraced(function* (number: number, faulty: boolean) {
  const dice = new Dice(number)
  const promises = new Promises()
  let disk = new SimulatedDisk()
  for (let life = 0; life < lives; life++) {
    const seed = `seed ${number} life ${life}`
    const at = dice.chance(0.15) ? never : 1 + dice.below(longestLife)
    yield* Effect.gen(function* () {
      yield* verify(promises, seed)
      disk.faults = faulty ? trouble(disk.calls + at, dice) : powerOff(disk.calls + at)
      yield* Effect.exit(work(promises, dice, String(life)))
    }).pipe(Effect.provide(simulatedStore(disk), { local: true }))
    // A kill leaves everything to the next process, synced or not. What that one shows has to last as well.
    disk = dice.chance(0.3) ? disk.afterKill() : disk.afterPowerLoss(dice)
    // The power may go while the store comes up again, too.
    disk.faults = powerOff(1 + dice.below(40))
    yield* Effect.exit(Effect.provide(Effect.void, simulatedStore(disk), { local: true }))
    disk = dice.chance(0.3) ? disk.afterKill() : disk.afterPowerLoss(dice)
  }
  yield* Effect.provide(verify(promises, `seed ${number} at the end`), simulatedStore(disk), { local: true })
})

describe("power loss", () => {
  const timeout = 60_000 + stores * 100

  it.effect(
    `${stores} stores that lose power again and again keep every promise`,
    () =>
      Effect.gen(function* () {
        for (let number = 1; number <= stores; number++) yield* round(number, false)
      }),
    timeout
  )

  it.effect(
    `${stores} stores whose disk fails as well keep every promise`,
    () =>
      Effect.gen(function* () {
        for (let number = 1; number <= stores; number++) yield* round(otherSeeds + number, true)
      }),
    timeout
  )
})
