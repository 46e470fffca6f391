/** Bugs within one stream: frames that are missing, doubled, wrong or out of place. */
import { Deferred, Effect, Stream, Struct } from "effect"
import type { SourceFrame } from "../../../src/domain/RuntimeSource.ts"
import * as Snapshot from "../../../src/domain/Snapshot.ts"
import { hangs, type Mutant, onEvents, onFrames, onSource } from "./Mutant.ts"

type EventFrame = Extract<SourceFrame, { readonly kind: "event" }>

/** Changes the durable events by their place in the stream, from 0. */
const onDurable = (change: (frame: EventFrame, place: number) => ReadonlyArray<SourceFrame>) =>
  onFrames(() => {
    let place = 0
    return (frame) => (frame.kind === "event" && frame.durable ? change(frame, place++) : [frame])
  })

const onTransient = (change: (frame: EventFrame) => SourceFrame) =>
  onFrames(() => (frame) => [frame.kind === "event" && !frame.durable ? change(frame) : frame])

const onSnapshot = (change: (snapshot: Snapshot.Snapshot) => Snapshot.Snapshot) =>
  onFrames(() => (frame) => [frame.kind === "snapshot" ? { ...frame, snapshot: change(frame.snapshot) } : frame])

const without = (unwanted: (frame: SourceFrame) => boolean) =>
  onFrames(() => (frame) => (unwanted(frame) ? [] : [frame]))

const isNamed = (name: string) => (frame: SourceFrame) => frame.kind === "event" && frame.event.event === name

export const mutants: ReadonlyArray<Mutant> = [
  {
    bug: "no snapshot",
    caughtBy: "events.snapshot-first",
    mutate: onFrames(() => {
      let first = true
      return (frame) => {
        if (!first || frame.kind !== "snapshot") return [frame]
        first = false
        return [{ kind: "bookmark", cursor: frame.cursor }]
      }
    })
  },
  {
    bug: "a second snapshot out of nowhere",
    caughtBy: "events.snapshot-first",
    mutate: onFrames(() => {
      let snapshot: SourceFrame | undefined
      return (frame) => {
        if (frame.kind === "snapshot") snapshot = frame
        return isNamed("run_end")(frame) ? [snapshot!, frame] : [frame]
      }
    })
  },
  {
    bug: "the snapshot is a stub",
    caughtBy: "events.snapshot-is-real",
    mutate: onSnapshot(({ as_of }) => ({ ...Snapshot.empty, as_of }))
  },
  {
    bug: "the snapshot is as of the beginning",
    caughtBy: "events.snapshot-is-real",
    mutate: onSnapshot((snapshot) => ({ ...snapshot, as_of: "0" }))
  },
  {
    bug: "the end of a turn is not told",
    caughtBy: "events.turn",
    mutate: without(isNamed("run_end"))
  },
  {
    bug: "the input of a turn is not told",
    caughtBy: "events.turn",
    mutate: without(isNamed("user_message"))
  },
  {
    bug: "a hole in the stream",
    caughtBy: "events.numbers",
    mutate: onDurable((frame, place) => (place === 3 ? [] : [frame]))
  },
  {
    bug: "a duplicate in the stream",
    caughtBy: "events.numbers",
    mutate: onDurable((frame, place) => (place === 3 ? [frame, frame] : [frame]))
  },
  {
    bug: "two events in the wrong order",
    caughtBy: "events.numbers",
    mutate: onFrames(() => {
      let held: EventFrame | undefined
      let place = 0
      return (frame) => {
        if (frame.kind !== "event" || !frame.durable) return [frame]
        place += 1
        if (place === 3) {
          held = frame
          return []
        }
        const after = held
        held = undefined
        return after === undefined ? [frame] : [frame, after]
      }
    })
  },
  {
    bug: "two durable events share a cursor",
    caughtBy: "events.numbers",
    mutate: onFrames(() => {
      let before: string | undefined
      return (frame) => {
        if (frame.kind !== "event" || !frame.durable) return [frame]
        const cursor = isNamed("run_end")(frame) ? (before ?? frame.cursor) : frame.cursor
        before = frame.cursor
        return [{ ...frame, cursor }]
      }
    })
  },
  {
    bug: "ids from the clock: two events in one millisecond have the same",
    caughtBy: "events.all-ids",
    mutate: onTransient((frame) => ({ ...frame, event_id: "1767225600000" }))
  },
  {
    bug: "frames without an id",
    caughtBy: "events.all-ids",
    mutate: onTransient((frame) => ({ ...frame, event_id: "" }))
  },
  {
    bug: "a transient event moves the resume point",
    caughtBy: "events.transient",
    mutate: onTransient((frame) => ({ ...frame, cursor: `${frame.cursor}x` }))
  },
  {
    bug: "transient events are marked as durable",
    caughtBy: "events.transient",
    mutate: onTransient((frame) => ({ ...frame, durable: true }))
  },
  {
    bug: "two numbering domains: the stream counts for itself",
    caughtBy: "events.agree",
    mutate: onDurable((frame) => [{ ...Struct.omit(frame, ["seq"]), event_id: String(Number(frame.event_id) + 1_000) }])
  },
  {
    bug: "texts are cut on their way into the stream",
    caughtBy: "events.agree",
    mutate: onFrames(() => (frame) => [
      frame.kind === "event" && frame.event.event === "text_done"
        ? { ...frame, event: { event: "text_done", data: { ...frame.event.data, text: "on" } } }
        : frame
    ])
  },
  {
    bug: "a stale status after the final event",
    caughtBy: "events.fresh-state",
    mutate: onSource((source) => {
      const before = new Map<string, Effect.Success<ReturnType<typeof source.get>>>()
      return {
        input: (worker_id, input, options) =>
          Effect.tap(source.input(worker_id, input, options), () =>
            Effect.map(source.get(worker_id), (it) => before.set(worker_id, it))
          ),
        get: (worker_id) => {
          const known = before.get(worker_id)
          return known === undefined ? source.get(worker_id) : Effect.succeed(known)
        }
      }
    })
  },
  {
    bug: "a list that has not heard of the end",
    caughtBy: "events.fresh-state",
    mutate: onSource((source) => ({
      list: (query) =>
        query.state === "stopped" ? Effect.succeed({ items: [], next_cursor: null }) : source.list(query)
    }))
  },
  {
    bug: "no end frame",
    caughtBy: "events.end",
    mutate: without(({ kind }) => kind === "end")
  },
  {
    bug: "an event after the end",
    caughtBy: "events.end",
    mutate: onFrames(() => {
      let last: SourceFrame | undefined
      return (frame) => {
        if (frame.kind === "end") return [frame, last!]
        last = frame
        return [frame]
      }
    })
  },
  {
    bug: "the end frame says stopped of a cancelled worker",
    caughtBy: "events.end",
    mutate: onFrames(() => (frame) => [frame.kind === "end" ? { kind: "end", state: "stopped" } : frame])
  },
  {
    bug: "the last status is not told",
    caughtBy: "events.end",
    mutate: without(
      (frame) => isNamed("status")(frame) && frame.kind === "event" && frame.event.data.state === "stopped"
    )
  },
  {
    bug: "the stream of an ended worker never ends",
    caughtBy: "events.ended-worker",
    hangsMs: hangs,
    mutate: onEvents((frames, { source, worker_id }) =>
      Stream.unwrap(
        Effect.map(Effect.option(source.get(worker_id)), (found) =>
          found._tag === "Some" && found.value.state === "stopped" ? Stream.concat(frames, Stream.never) : frames
        )
      )
    )
  },
  {
    bug: "the snapshot of an ended worker says idle",
    caughtBy: "events.ended-worker",
    mutate: onSnapshot((snapshot) => ({ ...snapshot, state: "idle" }))
  },
  {
    bug: "a turn that is stopped never ends",
    caughtBy: "events.end-while-busy",
    mutate: without(
      (frame) => isNamed("run_end")(frame) && frame.kind === "event" && frame.event.data.result === "rolled_back"
    )
  },
  {
    bug: "watchers share the events among themselves",
    caughtBy: "events.watchers",
    mutate: (subject) => {
      const taken = new Set<string>()
      return onFrames(({ worker_id }) => (frame) => {
        if (frame.kind !== "event" || !frame.durable) return [frame]
        const name = `${worker_id} ${frame.event_id}`
        if (taken.has(name)) return []
        taken.add(name)
        return [frame]
      })(subject)
    }
  },
  {
    bug: "subscribed after the snapshot",
    caughtBy: "events.joining",
    mutate: onEvents((frames, { source, worker_id }) =>
      Stream.unwrap(
        Effect.gen(function* () {
          const taken = yield* Deferred.make<void>()
          const snapshot = Stream.tap(Stream.take(frames, 1), () => Deferred.succeed(taken, undefined))
          const later = Stream.drop(source.events(worker_id, undefined), 1)
          return Stream.concat(
            snapshot,
            Stream.unwrap(Effect.as(Effect.andThen(Deferred.await(taken), Effect.sleep(60)), later))
          )
        })
      )
    )
  },
  {
    bug: "the snapshot does not know the text in flight",
    caughtBy: "events.joining",
    mutate: onSnapshot((snapshot) => ({ ...snapshot, in_flight: null }))
  }
]
