/** The event hub against a runtime that cuts, duplicates, drops, restarts and refuses at random. A failure names its seed. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Layer, Random, Scope } from "effect"
import * as SecureRandom from "effect/crypto/SecureRandom"
import { TestClock } from "effect/testing"
import { EventHub, WorkerRef } from "../../src/domain/EventHub.ts"
import * as Follower from "../../src/domain/hub/Follower.ts"
import * as Problem from "../../src/domain/Problem.ts"
import { RuntimeRegistry } from "../../src/domain/RuntimeRegistry.ts"
import { HubWatcher, viewOf } from "./HubWatcher.ts"
import { runtime_id, ScriptedRuntime, worker_id } from "./ScriptedRuntime.ts"

const runs = 60
const steps = 150
const watcherCount = 6

const world = EventHub.layer.pipe(Layer.provideMerge(RuntimeRegistry.layer), Layer.provide(SecureRandom.layerWebCrypto))
const worker = new WorkerRef({ runtime_id, worker_id })
const settle = Effect.forEach(Array.from({ length: 40 }), () => Effect.yieldNow, { discard: true })

/** A browser tab: open or closed, and open again from where it was. */
class Tab {
  readonly watcher = new HubWatcher()
  #scope: Scope.Closeable | undefined

  readonly close = Effect.suspend(() => {
    const scope = this.#scope
    this.#scope = undefined
    return scope === undefined ? Effect.void : Scope.close(scope, Exit.void)
  })

  /** Stays closed when the stream cannot start. */
  readonly open = (hub: EventHub["Service"]) =>
    Effect.gen({ self: this }, function* () {
      yield* this.close
      const scope = yield* Scope.make()
      const attached = yield* Effect.exit(Scope.provide(this.watcher.attach(hub, worker), scope))
      if (Exit.isSuccess(attached)) this.#scope = scope
      else yield* Scope.close(scope, Exit.void)
    })

  /** What a page does by itself: a loss was announced, so it attaches again. */
  readonly follow = (hub: EventHub["Service"]) =>
    Effect.suspend(() => (this.#scope !== undefined && this.watcher.lost ? this.open(hub) : Effect.void))
}

const run = Effect.fnUntraced(function* () {
  const runtime = new ScriptedRuntime()
  const registry = yield* RuntimeRegistry
  const hub = yield* EventHub
  yield* registry.add(Effect.succeed(runtime.source()))
  const tabs = Array.from({ length: watcherCount }, () => new Tab())
  for (const tab of tabs) yield* tab.open(hub)

  const below = (max: number) => Random.nextIntBetween(0, max, { halfOpen: true })
  /** Faults that wait for the next event frame. */
  let pending: Array<"drop" | "double"> = []
  runtime.tamper = (frame) => {
    if (frame.kind !== "event") return [frame]
    const fault = pending.pop()
    return fault === "drop" ? [] : fault === "double" ? [frame, frame] : [frame]
  }

  for (let step = 0; step < steps; step++) {
    const tab = tabs[yield* below(tabs.length)]!
    switch (yield* below(16)) {
      case 0:
      case 1:
        runtime.user(`question ${step}`)
        break
      case 2:
      case 3:
      case 4:
      case 5:
        runtime.delta(`piece ${step} `)
        break
      case 6:
      case 7:
        runtime.text(`answer ${step}`)
        break
      case 8:
        runtime.state(step % 2 === 0 ? "busy" : "idle")
        break
      case 9:
        runtime.cut()
        break
      case 10:
        pending.push("double")
        break
      case 11:
        pending.push("drop")
        break
      case 12:
        yield* tab.close
        break
      case 13:
        yield* tab.open(hub)
        break
      case 14:
        if ((yield* below(4)) === 0) runtime.restart()
        else if (runtime.refusal === undefined) {
          runtime.refusal = Problem.fail("runtime_unreachable")
          runtime.cut()
        } else runtime.refusal = undefined
        break
      default:
        yield* TestClock.adjust(yield* below(5_000))
    }
    if ((yield* below(3)) > 0) yield* settle
    for (const open of tabs) yield* open.follow(hub)
  }

  pending = []
  runtime.refusal = undefined
  runtime.text("the end")
  yield* settle
  yield* TestClock.adjust(Follower.lastBackoffMs)
  yield* settle
  for (const tab of tabs) {
    yield* tab.open(hub)
    yield* tab.follow(hub)
  }
  runtime.text("after the end")
  yield* settle
  for (const { watcher } of tabs) {
    watcher.sound()
    assert.deepStrictEqual(watcher.view, viewOf(runtime.log.snapshot))
  }
  assert.isAtMost(runtime.connections.size, 1)
})

describe("event hub at random", () => {
  // A number that differs from run to run; a failing one is repeated with `SEED=<seed>`.
  const given = process.env.SEED
  const first = given === undefined ? Math.floor(Math.random() * 1_000_000) : Number(given)
  const seeds = Array.from({ length: given === undefined ? runs : 1 }, (_, index) => first + index)

  it.effect(`every watcher sees a whole stream, seeds ${seeds[0]} to ${seeds.at(-1)}`, () =>
    Effect.forEach(
      seeds,
      (seed) =>
        run().pipe(
          Effect.scoped,
          Effect.provide(Layer.fresh(world)),
          Random.withSeed(`hub-${seed}`),
          Effect.catchDefect((defect) => Effect.die(new Error(`SEED=${seed}: ${String(defect)}`, { cause: defect })))
        ),
      { discard: true }
    )
  )
})
