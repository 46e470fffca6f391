/** Random steering with cuts, faults and restarts: nothing acknowledged is lost or doubled, whatever the order. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Random } from "effect"
import { TestClock } from "effect/testing"
import { retryMs } from "../../src/domain/engine/Turns.ts"
import type { WorkerId } from "../../src/domain/Identifiers.ts"
import * as Problem from "../../src/domain/Problem.ts"
import { type InputAck, type InputMode, isTerminal, maxQueuedInputs, previewed } from "../../src/domain/Worker.ts"
import { created, inMode, Observer, type Runtime, settle, type World, world } from "./EngineWorld.ts"
import { delta, said } from "./ScriptedExecutor.ts"

const seeds = 150
const rounds = 3
const commandsPerRound = 20

const modes: ReadonlyArray<InputMode> = ["reject", "queue", "queue", "queue", "interrupt"]

/** What callers were told. */
class Ledger {
  /** Inputs by their content, which no two share. */
  readonly acknowledged = new Map<string, InputAck>()
  readonly sent = new Set<string>()
  readonly takenBack = new Set<string>()
}

const pick = <A>(from: ReadonlyArray<A>) =>
  Effect.map(Random.nextIntBetween(0, from.length - 1), (index) => from[index]!)

const act = Effect.fnUntraced(function* (it: World, runtime: Runtime, id: WorkerId, ledger: Ledger, label: string) {
  const turn = it.executor.turns.at(-1)
  const choice = yield* Random.nextIntBetween(0, 19)
  if (choice < 10) {
    ledger.sent.add(label)
    const mode = yield* pick(modes)
    return yield* Effect.tap(runtime.input(id, inMode(label, mode), {}), ({ answer }) =>
      Effect.sync(() => ledger.acknowledged.set(label, answer))
    )
  }
  if (choice < 12) {
    const waiting = (yield* runtime.get(id)).queued_inputs ?? []
    if (waiting.length === 0) return
    const { input_id } = yield* pick(waiting)
    return yield* Effect.tap(runtime.unqueue(id, input_id, {}), () => Effect.sync(() => ledger.takenBack.add(input_id)))
  }
  if (choice < 14) return yield* runtime.interrupt(id, {})
  if (choice === 14 && (yield* Random.nextIntBetween(0, 5)) === 0) return yield* runtime.stop(id, {})
  if (turn === undefined) return
  if (choice === 15) return yield* turn.fails({ code: "x", message: "x" })
  if (choice === 16) return yield* turn.breaks(new Error("x"))
  if (choice === 17) return yield* Effect.andThen(turn.says(delta(label), said(label)), turn.finishes)
  if (choice === 18) return yield* it.executor.endsItself(id, { code: "x", message: "x" })
  return yield* turn.says(delta(label))
})

const command = Effect.fnUntraced(function* (it: World, runtime: Runtime, id: WorkerId, ledger: Ledger, label: string) {
  const fiber = yield* Effect.forkChild(Effect.exit(act(it, runtime, id, ledger, label)))
  for (let i = yield* Random.nextIntBetween(0, 6); i > 0; i--) yield* Effect.yieldNow
  if ((yield* Random.nextIntBetween(0, 4)) === 0) yield* Effect.forkChild(Fiber.interrupt(fiber))
  return fiber
})

const check = Effect.fnUntraced(function* (
  it: World,
  runtime: Runtime,
  id: WorkerId,
  ledger: Ledger,
  watcher: Observer
) {
  const worker = yield* runtime.get(id)
  const events = yield* it.store.service.events(id, 0, 100_000)
  assert.deepStrictEqual(
    events.map(({ seq }) => seq),
    Array.from({ length: worker.last_event_id }, (_, index) => index + 1),
    "numbers of stored events"
  )
  const { snapshot } = yield* runtime.watch(id, undefined, () => {})
  assert.deepStrictEqual(watcher.state, snapshot, "a watcher knows what the runtime knows")
  assert.deepStrictEqual(snapshot.queued_inputs, worker.queued_inputs?.map(previewed), "one queue")
  assert.isAtMost(worker.queued_inputs?.length ?? 0, maxQueuedInputs)

  const items = yield* it.store.service.transcript(id, 0, 100_000)
  const messages = items.filter(({ role }) => role === "user")
  const contents = messages.map(({ content }) => content)
  assert.strictEqual(new Set(contents).size, contents.length, "no input runs twice")
  for (const content of contents) assert.isTrue(ledger.sent.has(content), "nobody said it")

  const queuedAt = new Map<string, string>()
  const unqueued = new Map<string, string>()
  const started: Array<string> = []
  for (const { event, seq } of events) {
    const input_id = String(event.data.input_id)
    if (event.event === "input_queued") queuedAt.set(input_id, String(event.data.content))
    if (event.event !== "input_unqueued") continue
    assert.isFalse(unqueued.has(input_id), "leaves the queue once")
    assert.isTrue(queuedAt.has(input_id), "was in the queue")
    unqueued.set(input_id, String(event.data.reason))
    if (event.data.reason !== "started") continue
    started.push(input_id)
    const message = messages.find(({ event_id }) => event_id === seq + 1)
    assert.strictEqual(message?.content, queuedAt.get(input_id), "its message follows")
  }
  const order = Array.from(queuedAt.keys()).filter((input_id) => unqueued.get(input_id) === "started")
  assert.deepStrictEqual(started, order, "started in the order in which they were queued")
  const waiting = worker.queued_inputs?.map(({ input_id }) => input_id) ?? []
  assert.deepStrictEqual(
    waiting,
    Array.from(queuedAt.keys()).filter((input_id) => !unqueued.has(input_id)),
    "what was queued waits, in order, or has left"
  )
  for (const input_id of ledger.takenBack) assert.strictEqual(unqueued.get(input_id), "cancelled")
  for (const [content, ack] of ledger.acknowledged) {
    const message = messages.find((item) => item.content === content)
    if (ack.queued === undefined) {
      assert.deepStrictEqual([message?.event_id, message?.sequence], [ack.event_id, ack.transcript_sequence])
    } else {
      assert.strictEqual(queuedAt.get(ack.queued.input_id), content, "durable when acknowledged")
      assert.strictEqual(message !== undefined, unqueued.get(ack.queued.input_id) === "started")
      if (unqueued.get(ack.queued.input_id) === "ended") assert.isTrue(isTerminal(worker.state))
    }
  }
})

/** Lets every turn end, and what waits start, until nothing does. */
const drainTurns = Effect.fnUntraced(function* (it: World, runtime: Runtime, id: WorkerId) {
  for (let i = 0; i < 2 * maxQueuedInputs + 4; i++) {
    const { queued_inputs, state } = yield* runtime.get(id)
    if (state !== "busy" && queued_inputs === undefined) break
    for (const turn of it.executor.turns) yield* turn.finishes
    yield* settle
    yield* TestClock.adjust(retryMs)
    yield* settle
  }
  const { queued_inputs, state } = yield* runtime.get(id)
  assert.notStrictEqual(state, "busy", "no worker is stuck")
  assert.isUndefined(queued_inputs, "what waits starts in the end")
})

const session = Effect.fnUntraced(function* (seed: number) {
  const it = yield* world()
  let current = yield* it.session()
  const id = yield* created(current.runtime)
  const ledger = new Ledger()
  const watcher = new Observer()
  for (let round = 0; round < rounds; round++) {
    const { runtime } = current
    yield* watcher.attach(runtime, id)
    const faulty = (yield* Random.nextIntBetween(0, 2)) === 0
    let commits = 0
    it.store.before = () =>
      Effect.suspend(() => (faulty && ++commits % 5 === 0 ? Effect.fail(Problem.make("store_io")) : Effect.yieldNow))
    it.store.after = () => Effect.yieldNow
    const picky = (yield* Random.nextIntBetween(0, 2)) === 0
    it.executor.onAccept = ({ content }) =>
      picky && content.endsWith("3") ? Problem.fail("worker_execution_rejected", "No.") : Effect.yieldNow
    it.executor.onCallOff = Effect.yieldNow
    const fibers = yield* Effect.forEach(Array.from({ length: commandsPerRound }), (_, index) =>
      command(it, runtime, id, ledger, `${seed}-${round}-${index}`)
    )
    for (const fiber of fibers) yield* Fiber.await(fiber)
    // Half of the restarts come in the middle of it all.
    if (yield* Random.nextBoolean) {
      yield* settle
      it.store.before = () => Effect.void
      yield* drainTurns(it, runtime, id)
      yield* check(it, runtime, id, ledger, watcher)
    }
    yield* current.close
    it.store.before = () => Effect.void
    current = yield* it.session()
  }
  yield* watcher.attach(current.runtime, id)
  yield* drainTurns(it, current.runtime, id)
  yield* check(it, current.runtime, id, ledger, watcher)
  assert.deepStrictEqual(watcher.resyncs, [])
  yield* current.close
  return Exit.void
})

describe("random steering", () => {
  it.effect("loses and doubles nothing that was acknowledged, keeps the order, and leaves no hole", () =>
    Effect.gen(function* () {
      for (let seed = 1; seed <= seeds; seed++) {
        yield* session(seed).pipe(
          Random.withSeed(`steering-${seed}`),
          Effect.scoped,
          Effect.catchDefect((defect) => Effect.die(new Error(`seed ${seed}: ${String(defect)}`, { cause: defect })))
        )
      }
    })
  )
})
