/** Callers go away: what they held is let go at once, and whoever stays is not touched. */
import { Effect, Fiber, Stream } from "effect"
import { nobody, user } from "../Bench.ts"
import type { Case, Need } from "../Case.ts"
import { same, that } from "../Expect.ts"
import * as Frames from "../Frames.ts"

const needs: ReadonlyArray<Need> = ["workers.create", "workers.input", "workers.stop", "events"]

/** Looks at open streams, this many milliseconds apart, while the runtime takes note of those that were let go. */
const lookEveryMs = 5

export const cases: ReadonlyArray<Case> = [
  {
    id: "interruption.call",
    tier: "core",
    needs: ["workers.create"],
    sentence: "A call that is interrupted at any moment ends, and the source answers the next one.",
    run: Effect.fnUntraced(function* (bench) {
      const { source } = bench
      const { worker_id } = yield* bench.worker()
      for (let turns = 0; turns < 16; turns++) {
        const asked: ReadonlyArray<Effect.Effect<unknown, unknown>> = [
          source.describe,
          source.list({}),
          source.get(worker_id),
          source.get(nobody)
        ]
        const calls = yield* Effect.forEach(asked, (call) => Effect.forkChild(Effect.ignore(call)))
        for (let turn = 0; turn < turns; turn++) yield* Effect.yieldNow
        yield* Fiber.interruptAll(calls)
      }
      yield* same((yield* source.get(worker_id)).worker_id, worker_id, "The worker after the interruptions")
    })
  },
  {
    id: "interruption.stream",
    tier: "streaming",
    needs,
    sentence: "A stream that waits for the next event ends at once when its reader goes away.",
    run: Effect.fnUntraced(function* (bench) {
      const { worker_id } = yield* bench.worker()
      for (let reader = 0; reader < 4; reader++) {
        const reading = yield* Effect.forkChild(Stream.runDrain(bench.source.events(worker_id, undefined)))
        yield* Stream.runDrain(Stream.take(bench.source.events(worker_id, undefined), 1))
        yield* Fiber.interrupt(reading)
      }
    })
  },
  {
    id: "interruption.others",
    tier: "streaming",
    needs,
    sentence: "A reader that goes away takes nothing from those who stay.",
    run: Effect.fnUntraced(function* (bench) {
      const { worker_id } = yield* bench.worker()
      const stays = yield* bench.watch(worker_id)
      yield* stays.next
      const leaves = yield* Effect.forkChild(Stream.runDrain(bench.source.events(worker_id, undefined)))
      yield* Stream.runDrain(Stream.take(bench.source.events(worker_id, undefined), 1))
      yield* Fiber.interrupt(leaves)
      yield* bench.talk(worker_id, user("one"))
      yield* bench.source.stop(worker_id, undefined, {})
      const frames = yield* stays.rest
      const numbers = Frames.durable(frames).map(({ event_id }) => Number(event_id))
      yield* that(numbers.length > 0, "The reader that stayed saw nothing")
      yield* same(
        numbers,
        numbers.map((_, index) => numbers[0]! + index),
        "Numbers that it saw"
      )
      yield* same(frames.at(-1)?.kind, "end", "The last frame that it saw")
    })
  },
  {
    id: "interruption.leak",
    tier: "streaming",
    needs,
    hook: "openStreams",
    sentence: "However readers leave, by the end, in the middle or interrupted, no stream stays open.",
    run: Effect.fnUntraced(function* (bench) {
      const open = bench.subject.openStreams!
      const before = yield* open
      const { worker_id } = yield* bench.worker()
      const events = bench.source.events(worker_id, undefined)
      for (let round = 0; round < 4; round++) {
        const reading = yield* Effect.forkChild(Stream.runDrain(events))
        yield* Stream.runDrain(Stream.take(events, 1))
        yield* Fiber.interrupt(reading)
        yield* Effect.exit(Stream.runForEach(events, () => Effect.fail("done")))
      }
      const reading = Effect.gen(function* () {
        const watch = yield* bench.watch(worker_id)
        yield* watch.next
        yield* that((yield* open) > before, "A stream that is being read is not counted as open")
      })
      yield* Effect.scoped(reading)
      while ((yield* open) > before) yield* Effect.sleep(lookEveryMs)
    })
  }
]
