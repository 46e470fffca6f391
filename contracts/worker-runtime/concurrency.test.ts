/** Random commands at the same time, with cuts, faults and restarts: what must hold whatever the order. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Random } from "effect"
import type { WorkerId } from "../../src/domain/Identifiers.ts"
import * as Problem from "../../src/domain/Problem.ts"
import { isTerminal } from "../../src/domain/Worker.ts"
import { key, Observer, type Runtime, settle, user, type World, world } from "./EngineWorld.ts"
import { delta, said } from "./ScriptedExecutor.ts"

const seeds = 100
const commandsPerRound = 12

/** One random command, with or without a key, whose caller may leave at any point. */
const command = Effect.fnUntraced(function* (it: World, runtime: Runtime, ids: ReadonlyArray<WorkerId>, label: string) {
  const worker_id = ids[yield* Random.nextIntBetween(0, ids.length - 1)]!
  const options = (yield* Random.nextBoolean) ? key(`key-${yield* Random.nextIntBetween(0, 5)}`) : {}
  const turn = it.executor.turns.at(-1)
  const choice = yield* Random.nextIntBetween(0, 9)
  const act: Effect.Effect<unknown, unknown> =
    choice < 4
      ? runtime.input(worker_id, user(label), options)
      : choice === 4
        ? runtime.stop(worker_id, options)
        : choice === 5
          ? runtime.cancel(worker_id, options)
          : turn === undefined
            ? Effect.void
            : choice === 6
              ? turn.fails({ code: "x", message: "x" })
              : choice === 7
                ? turn.breaks(new Error("x"))
                : Effect.andThen(turn.says(delta(label), said(label)), turn.finishes)
  const fiber = yield* Effect.forkChild(Effect.exit(act))
  const leaves = (yield* Random.nextIntBetween(0, 3)) === 0
  for (let i = yield* Random.nextIntBetween(0, 4); i > 0; i--) yield* Effect.yieldNow
  if (leaves) yield* Effect.forkChild(Fiber.interrupt(fiber))
  return fiber
})

const check = Effect.fnUntraced(function* (it: World, runtime: Runtime, worker_id: WorkerId, watcher: Observer) {
  const worker = yield* runtime.get(worker_id)
  const events = yield* it.store.service.events(worker_id, 0, 10_000)
  assert.deepStrictEqual(
    events.map(({ seq }) => seq),
    Array.from({ length: worker.last_event_id }, (_, index) => index + 1),
    "numbers of stored events"
  )
  const items = yield* it.store.service.transcript(worker_id, 0, 10_000)
  assert.deepStrictEqual(
    items.map(({ sequence }) => sequence),
    Array.from({ length: worker.transcript_len }, (_, index) => index + 1),
    "numbers of transcript items"
  )
  for (const item of items) assert.strictEqual(events[item.event_id - 1]?.event.data.sequence, item.sequence)
  const ends = events.filter(({ event }) => event.event === "status" && isTerminal(event.data.state as never))
  assert.isAtMost(ends.length, 1, "ends at most once")
  if (ends.length === 1) assert.strictEqual(ends[0]?.seq, worker.last_event_id, "nothing after the end")
  const { head, snapshot } = yield* runtime.watch(worker_id, undefined, () => {})
  assert.isTrue(head.endsWith(`.${worker.last_event_id}`), "the log and the store agree on the head")
  assert.deepStrictEqual(watcher.state, snapshot, "a watcher knows what the runtime knows")
  assert.strictEqual(snapshot.state, worker.state, "one status")
  assert.strictEqual(snapshot.transcript.total_items, worker.transcript_len)
})

const session = Effect.fnUntraced(function* (seed: number) {
  const it = yield* world()
  let current = yield* it.session()
  const ids: Array<WorkerId> = []
  for (let i = 0; i < 2; i++) ids.push((yield* current.runtime.create({}, {})).answer.worker_id)
  const watchers = ids.map(() => new Observer())
  for (let round = 0; round < 3; round++) {
    const { runtime } = current
    for (const [index, watcher] of watchers.entries()) yield* watcher.attach(runtime, ids[index]!)
    const faulty = (yield* Random.nextIntBetween(0, 2)) === 0
    let commits = 0
    it.store.before = () =>
      Effect.suspend(() => (faulty && ++commits % 5 === 0 ? Effect.fail(Problem.make("store_io")) : Effect.yieldNow))
    it.store.after = () => Effect.yieldNow
    const fibers = yield* Effect.forEach(Array.from({ length: commandsPerRound }), (_, index) =>
      command(it, runtime, ids, `${seed}-${round}-${index}`)
    )
    for (const fiber of fibers) yield* Fiber.await(fiber)
    yield* settle
    for (const turn of it.executor.turns) yield* turn.finishes
    yield* settle
    it.store.before = () => Effect.void
    for (const [index, worker_id] of ids.entries()) {
      assert.notStrictEqual((yield* runtime.get(worker_id)).state, "busy", "no worker is stuck")
      yield* check(it, runtime, worker_id, watchers[index]!)
    }
    yield* current.close
    current = yield* it.session()
  }
  for (const [index, worker_id] of ids.entries()) {
    const watcher = watchers[index]!
    yield* watcher.attach(current.runtime, worker_id)
    yield* check(it, current.runtime, worker_id, watcher)
    assert.deepStrictEqual(watcher.resyncs, [])
  }
  yield* current.close
})

describe("concurrent commands", () => {
  it.effect("never break the numbering, end a worker twice, leave one stuck or show what is not stored", () =>
    Effect.gen(function* () {
      for (let seed = 1; seed <= seeds; seed++) {
        yield* session(seed).pipe(
          Random.withSeed(`engine-${seed}`),
          Effect.scoped,
          Effect.catchDefect((defect) => Effect.die(new Error(`seed ${seed}: ${String(defect)}`, { cause: defect })))
        )
      }
    })
  )
})
