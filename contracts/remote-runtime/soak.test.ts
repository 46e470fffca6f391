/**
 * 50 workers, 200 watchers, one runtime process whose connections are cut every second or two and which is restarted
 * twice, once with a signal it can hear and once without: every watcher sees whole streams, up to announced resyncs.
 */
import { assert, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Layer, Random, Scope } from "effect"
import * as SecureRandom from "effect/crypto/SecureRandom"
import { EventHub, WorkerRef } from "../../src/domain/EventHub.ts"
import type { WorkerId } from "../../src/domain/Identifiers.ts"
import { RuntimeRegistry } from "../../src/domain/RuntimeRegistry.ts"
import { HubWatcher } from "../event-hub/HubWatcher.ts"
import * as FaultProxy from "../support/FaultProxy.ts"
import * as RuntimeProcess from "../support/RuntimeProcess.ts"
import { alias, egress, onPort } from "./remoteWorld.ts"

const workerCount = 50
const watchersEach = 4
/** How long there is trouble, in milliseconds, and how long everything may take to be whole again. */
const troubleMs = 16_000
const settleMs = 15_000
const cutEveryMs = [800, 2_000] as const
const restartsAfterMs = [5_000, 11_000] as const

const world = Layer.mergeAll(
  egress,
  EventHub.layer.pipe(Layer.provideMerge(RuntimeRegistry.layer), Layer.provide(SecureRandom.layerWebCrypto))
)

/** A page that stays open: it attaches again whenever a loss is announced. */
const page = Effect.fnUntraced(function* (hub: EventHub["Service"], worker: WorkerRef) {
  const watcher = new HubWatcher()
  const ready = yield* Deferred.make<void>()
  yield* Effect.forkScoped(
    Effect.forever(
      Effect.gen(function* () {
        const scope = yield* Scope.make()
        yield* Scope.provide(watcher.attach(hub, worker), scope).pipe(
          Effect.andThen(Deferred.succeed(ready, undefined)),
          Effect.andThen(
            Effect.gen(function* () {
              while (!watcher.lost && !watcher.gone) yield* Effect.sleep(20)
            })
          ),
          Effect.ensuring(Scope.close(scope, Exit.void)),
          Effect.ignore
        )
      })
    )
  )
  return { watcher, ready: Deferred.await(ready) }
})

const soak = Effect.gen(function* () {
  const runtime = yield* RuntimeProcess.make({ persistent: true })
  const proxy = yield* FaultProxy.make(runtime.port)
  const source = yield* onPort(proxy.port)
  const direct = yield* onPort(runtime.port)
  const registry = yield* RuntimeRegistry
  const hub = yield* EventHub
  yield* registry.add(Effect.succeed(source))

  const workers: Array<WorkerId> = []
  for (let n = 0; n < workerCount; n++) workers.push((yield* direct.create({}, {})).answer.worker_id)
  const pages = yield* Effect.forEach(
    workers.flatMap((worker_id) => Array.from({ length: watchersEach }, () => worker_id)),
    (worker_id) =>
      Effect.map(page(hub, new WorkerRef({ runtime_id: alias, worker_id })), (it) => ({ ...it, worker_id })),
    { concurrency: "unbounded" }
  )
  yield* Effect.forEach(pages, ({ ready }) => ready, { concurrency: "unbounded", discard: true })
  assert.isAtMost((yield* hub.watched).length, workerCount)

  const counts = { inputs: 0, cuts: 0 }
  const talking = Effect.forEach(
    workers,
    (worker_id, index) =>
      Effect.forever(
        Effect.gen(function* () {
          yield* Effect.sleep(yield* Random.nextIntBetween(200, 1_200))
          const words = yield* Random.nextIntBetween(1, 60)
          const content = Array.from({ length: words }, (_, n) => `${index}-${counts.inputs}-${n}`).join(" ")
          const taken = yield* Effect.exit(direct.input(worker_id, { kind: "user", content }, {}))
          if (Exit.isSuccess(taken)) counts.inputs += 1
        })
      ),
    { concurrency: "unbounded", discard: true }
  )
  const cutting = Effect.forever(
    Effect.gen(function* () {
      yield* Effect.sleep(yield* Random.nextIntBetween(...cutEveryMs))
      yield* proxy.cut
      counts.cuts += 1
    })
  )
  const restarting = Effect.gen(function* () {
    yield* Effect.sleep(restartsAfterMs[0])
    yield* runtime.restart("SIGTERM")
    yield* Effect.sleep(restartsAfterMs[1] - restartsAfterMs[0])
    yield* runtime.restart("SIGKILL")
  })
  const restarts = yield* Effect.forkChild(restarting)
  yield* Effect.timeoutOption(Effect.raceFirst(talking, cutting), troubleMs)
  yield* Fiber.join(restarts)

  /** The last word to every worker, so that the end of every stream is known. */
  const idle = (worker_id: WorkerId): Effect.Effect<number> =>
    Effect.flatMap(Effect.orDie(direct.get(worker_id)), (worker) =>
      worker.state === "busy"
        ? Effect.andThen(Effect.sleep(50), idle(worker_id))
        : Effect.succeed(worker.transcript_len)
    )
  const lengths = new Map<WorkerId, number>()
  for (const worker_id of workers) lengths.set(worker_id, yield* idle(worker_id))
  const whole = () =>
    pages.every(
      ({ watcher, worker_id }) =>
        watcher.state.transcript.total_items === lengths.get(worker_id) && watcher.state.state !== "busy"
    )
  yield* Effect.timeoutOption(
    Effect.gen(function* () {
      while (!whole()) yield* Effect.sleep(50)
    }),
    settleMs
  )

  const resyncs = new Map<string, number>()
  let events = 0
  for (const { watcher, worker_id } of pages) {
    watcher.sound()
    assert.isFalse(watcher.gone)
    const { items, total_items } = watcher.state.transcript
    const { items: stored } = yield* direct.transcript(worker_id, { start: total_items - items.length })
    assert.strictEqual(total_items, lengths.get(worker_id))
    assert.deepStrictEqual(
      items.map(({ content, role }) => `${role}: ${content}`),
      stored.map(({ content, role }) => `${role}: ${content}`)
    )
    events += watcher.entries.length
    for (const reason of watcher.resyncs) resyncs.set(reason, (resyncs.get(reason) ?? 0) + 1)
  }
  assert.isAtMost((yield* hub.watched).length, workerCount)
  return { ...counts, events, resyncs: Object.fromEntries(resyncs) }
})

const seed = process.env["SEED"] ?? String(Math.floor(Math.random() * 1_000_000))

it.live(
  `50 workers and 200 watchers outlive cuts and restarts, seed ${seed}`,
  () =>
    Effect.flatMap(soak, (figures) => Effect.logInfo(`soak, SEED=${seed}`, figures)).pipe(
      Effect.scoped,
      Effect.provide(world),
      Random.withSeed(`soak-${seed}`),
      Effect.catchDefect((defect) => Effect.die(new Error(`SEED=${seed}: ${String(defect)}`, { cause: defect })))
    ),
  { timeout: 90_000 }
)
