/** A reader that stands still: it is told what it lost, and nobody else notices it. */
import { Effect } from "effect"
import { type Bench, system } from "../Bench.ts"
import type { Case, Need } from "../Case.ts"
import * as Declared from "../Declared.ts"
import { same, that } from "../Expect.ts"
import * as Frames from "../Frames.ts"

const needs: ReadonlyArray<Need> = ["workers.create", "workers.input", "workers.stop", "events"]

/** Inputs that are said while a reader stands still … */
const inputs = 24
/** … of so many characters each, or as many as the runtime takes: more together than any queue should hold. */
const inputLength = 1_048_576

const content = ({ described }: Bench) =>
  "x".repeat(Math.min(inputLength, Declared.limit(described, "workers.input", "max_bytes") ?? inputLength))

export const cases: ReadonlyArray<Case> = [
  {
    id: "slow.told",
    tier: "streaming",
    needs,
    sentence:
      "A reader that falls behind gets every event, or a resync and a fresh snapshot in their place: never a hole.",
    run: Effect.fnUntraced(function* (bench) {
      const { worker_id } = yield* bench.worker()
      const slow = yield* bench.watch(worker_id, undefined, "slow")
      yield* slow.next
      const large = content(bench)
      for (let said = 0; said < inputs; said++) yield* bench.talk(worker_id, system(large))
      yield* bench.source.stop(worker_id, undefined, {})
      const frames = yield* slow.rest
      let last: number | undefined
      let lost = false
      for (const frame of frames) {
        if (frame.kind === "resync") lost = true
        if (frame.kind === "snapshot") {
          yield* that(last === undefined || lost, "A fresh snapshot comes without a resync")
          last = Number(frame.snapshot.as_of)
          lost = false
        }
        if (!Frames.isEvent(frame) || !frame.durable) continue
        yield* that(!lost, "Events go on after a resync without a snapshot")
        yield* same(Number(frame.event_id), (last ?? 0) + 1, "Number of the next event")
        last = Number(frame.event_id)
      }
      yield* same(frames.at(-1)?.kind, "end", "The last frame")
      yield* same(last, (yield* bench.source.get(worker_id)).last_event_id, "The last event that the reader knows of")
    })
  },
  {
    id: "slow.others",
    tier: "streaming",
    needs,
    sentence: "A reader that stands still delays neither the worker nor the other readers.",
    run: Effect.fnUntraced(function* (bench) {
      const { worker_id } = yield* bench.worker()
      const slow = yield* bench.watch(worker_id, undefined, "slow")
      const quick = yield* bench.watch(worker_id)
      yield* slow.next
      yield* quick.next
      const large = content(bench)
      for (let said = 0; said < inputs; said++) {
        yield* bench.source.input(worker_id, system(large), {})
        yield* quick.until(Frames.states("idle"), "the worker was idle again")
      }
      yield* bench.source.stop(worker_id, undefined, {})
      yield* same((yield* quick.rest).at(-1), { kind: "end", state: "stopped" }, "The last frame of the quick reader")
    })
  }
]
