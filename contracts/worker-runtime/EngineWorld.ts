/** An engine over a memory store and a scripted executor, and what a test needs to watch it. */
import { assert } from "@effect/vitest"
import { Context, Deferred, Effect, Exit, Layer, Option, Scope } from "effect"
import * as NodeCrypto from "@effect/platform-node/NodeCrypto"
import * as MemoryWorkerStore from "../../src/adapters/stores/MemoryWorkerStore.ts"
import * as Engine from "../../src/domain/engine/Engine.ts"
import * as EventCursor from "../../src/domain/EventCursor.ts"
import type { LogEntry, ResyncReason } from "../../src/domain/EventLog.ts"
import { IdempotencyKey, RuntimeId, type WorkerId } from "../../src/domain/Identifiers.ts"
import * as Snapshot from "../../src/domain/Snapshot.ts"
import type { InputMode, InputRequest } from "../../src/domain/Worker.ts"
import type { WorkerRuntime } from "../../src/domain/WorkerRuntime.ts"
import { WorkerExecutor } from "../../src/domain/WorkerExecutor.ts"
import { WorkerStore } from "../../src/domain/WorkerStore.ts"
import { FaultyStore } from "./FaultyStore.ts"
import { ScriptedExecutor } from "./ScriptedExecutor.ts"

export const runtime_id = RuntimeId.make("rt-test")
/** Digests that are there at once: with them the order of everything is decided by the test. */
export const crypto = Layer.mergeAll(NodeCrypto.layerSecureRandom, NodeCrypto.layerDigest)
export const key = (text: string) => ({ idempotency_key: IdempotencyKey.make(text) })
export const user = (content: string) => ({ kind: "user", content }) as const

export type Runtime = WorkerRuntime["Service"]

export interface World {
  readonly store: FaultyStore
  readonly executor: ScriptedExecutor
  /** Starts an engine on the world's store; it ends with the scope. */
  readonly start: (options?: Partial<Engine.Options>) => Effect.Effect<Runtime, unknown, Scope.Scope>
  /** The same, with a way to end it. */
  readonly session: (
    options?: Partial<Engine.Options>
  ) => Effect.Effect<{ readonly runtime: Runtime; readonly close: Effect.Effect<void> }, unknown>
}

/** @param storeLayer a fresh memory store unless given */
export const world = Effect.fnUntraced(function* (storeLayer: Layer.Layer<WorkerStore> = MemoryWorkerStore.layer) {
  const store = new FaultyStore(Context.get(yield* Layer.build(Layer.fresh(storeLayer)), WorkerStore))
  const executor = new ScriptedExecutor()
  const start: World["start"] = (options) =>
    Effect.suspend(() => Engine.make({ runtime_id, ...options })).pipe(
      Effect.provideService(WorkerStore, store.service),
      Effect.provideService(WorkerExecutor, executor.service),
      Effect.provide(crypto)
    )
  const session: World["session"] = Effect.fnUntraced(function* (options) {
    const scope = yield* Scope.make()
    const runtime = yield* Scope.provide(start(options), scope)
    return { runtime, close: Scope.close(scope, Exit.void) }
  })
  return { store, executor, start, session } satisfies World
})

/** Lets everything that can go on go on: fibers that wait for nothing but their turn. */
export const settle = Effect.forEach(Array.from({ length: 50 }), () => Effect.yieldNow, { discard: true })

/** A client: keeps the state that the stream tells, checks the numbering, and can wait for an event. */
export class Observer {
  readonly entries: Array<LogEntry> = []
  readonly resyncs: Array<ResyncReason> = []
  state: Snapshot.Snapshot = Snapshot.empty
  cursor: string | undefined
  #last = 0
  #waiting: { readonly wanted: (entry: LogEntry) => boolean; readonly found: Deferred.Deferred<LogEntry> } | undefined

  /** Attaches, from the last cursor if there is one, until the scope closes. */
  readonly attach = Effect.fnUntraced(function* (this: Observer, runtime: Runtime, worker_id: WorkerId) {
    const early: Array<LogEntry> = []
    let ready = false
    const watching = yield* runtime.watch(worker_id, this.cursor, (entry) => {
      if (ready) this.take(entry)
      else early.push(entry)
    })
    if (watching.resync !== undefined) this.resyncs.push(watching.resync)
    if (this.cursor === undefined || watching.resync !== undefined) this.#last = Number(watching.snapshot.as_of)
    this.state = watching.snapshot
    this.cursor = watching.cursor
    for (const entry of [...watching.replay, ...early]) this.take(entry)
    ready = true
    return watching
  })

  take(entry: LogEntry): void {
    this.entries.push(entry)
    if (entry.durable) {
      assert.strictEqual(entry.seq, this.#last + 1, "a hole or a duplicate")
      this.#last = entry.seq
      this.cursor = entry.cursor
    }
    assert.strictEqual(Option.getOrThrow(EventCursor.parse(entry.cursor)).seq, this.#last)
    if (!entry.durable || entry.seq > Number(this.state.as_of)) {
      this.state = Snapshot.apply(this.state, entry.event, entry.durable ? entry.event_id : undefined)
    }
    if (this.#waiting?.wanted(entry) === true) Deferred.doneUnsafe(this.#waiting.found, Exit.succeed(entry))
  }

  /** The first entry, already seen or to come, that is wanted. */
  until(wanted: (entry: LogEntry) => boolean): Effect.Effect<LogEntry> {
    return Effect.suspend(() => {
      const seen = this.entries.find(wanted)
      if (seen !== undefined) return Effect.succeed(seen)
      const found = Deferred.makeUnsafe<LogEntry>()
      this.#waiting = { wanted, found }
      return Deferred.await(found)
    })
  }

  get names(): ReadonlyArray<string> {
    return this.entries.map((entry) => entry.event.event)
  }
}

export const isState =
  (state: string) =>
  (entry: LogEntry): boolean =>
    entry.event.event === "status" && entry.event.data.state === state

export const observe = Effect.fnUntraced(function* (runtime: Runtime, worker_id: WorkerId) {
  const observer = new Observer()
  yield* observer.attach(runtime, worker_id)
  return observer
})

/** A worker that is busy with its first turn, and somebody who watches it. */
export const busy = Effect.gen(function* () {
  const it = yield* world()
  const runtime = yield* it.start()
  const worker_id = yield* created(runtime)
  const observer = yield* observe(runtime, worker_id)
  yield* runtime.input(worker_id, user("go"), {})
  yield* settle
  return { ...it, runtime, worker_id, observer }
})

/** An input with what becomes of it while the worker is busy. */
export const inMode = (content: string, mode: InputMode): InputRequest => ({ ...user(content), mode })

/** A worker without input, and its id. */
export const created = (runtime: Runtime) => Effect.map(runtime.create({}, {}), ({ answer }) => answer.worker_id)
