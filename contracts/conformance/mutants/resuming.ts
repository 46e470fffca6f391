/** Bugs that only show when somebody comes back, stands still or goes away. */
import { type Cause, Deferred, Effect, Option, Queue, Stream } from "effect"
import type { Problem } from "../../../src/domain/Problem.ts"
import type { SourceFrame } from "../../../src/domain/RuntimeSource.ts"
import * as EventCursor from "../../../src/domain/EventCursor.ts"
import { hangs, type Mutant, onEvents, onFrames, onSource, problem, told } from "./Mutant.ts"

/** A cursor so many events further on. */
const moved = (cursor: string, by: number): string =>
  Option.match(EventCursor.parse(cursor), {
    onNone: () => cursor,
    onSome: ({ epoch, seq }) => EventCursor.format(epoch, Math.max(0, seq + by))
  })

const onCursor = (change: (cursor: string) => string | undefined) =>
  onSource((source) => ({
    events: (worker_id, cursor) => source.events(worker_id, cursor === undefined ? cursor : change(cursor))
  }))

/** Says nothing of a resync for this reason. */
const unsaid = (reason: string) =>
  onFrames(() => (frame) => (frame.kind === "resync" && frame.reason === reason ? [] : [frame]))

export const mutants: ReadonlyArray<Mutant> = [
  {
    bug: "any cursor replays all",
    caughtBy: "resume.every-cursor",
    mutate: onCursor((cursor) => moved(cursor, -1_000_000))
  },
  {
    bug: "the last event that was seen comes again",
    caughtBy: "resume.every-cursor",
    mutate: onCursor((cursor) => moved(cursor, -1))
  },
  {
    bug: "the first event that was missed is left out",
    caughtBy: "resume.every-cursor",
    mutate: onFrames(({ cursor }) => {
      let skipped = cursor === undefined
      return (frame) => {
        if (skipped || frame.kind !== "event" || !frame.durable) return [frame]
        skipped = true
        return []
      }
    })
  },
  {
    bug: "a resync for every cursor: nothing is ever resumed",
    caughtBy: "resume.every-cursor",
    mutate: onEvents((frames, { cursor, source, worker_id }) =>
      cursor === undefined
        ? frames
        : Stream.concat(
            Stream.succeed<SourceFrame>({ kind: "resync", reason: "epoch_changed" }),
            source.events(worker_id, undefined)
          )
    )
  },
  {
    bug: "a cursor can be used once",
    caughtBy: "resume.every-cursor",
    mutate: onSource((source) => {
      const used = new Set<string>()
      return {
        events: (worker_id, cursor) => {
          if (cursor === undefined) return source.events(worker_id, cursor)
          const known = used.has(cursor)
          used.add(cursor)
          return source.events(worker_id, known ? undefined : cursor)
        }
      }
    })
  },
  {
    bug: "the snapshot of a resumed stream carries the newest cursor: a cut during the replay loses the rest",
    caughtBy: "resume.every-frame",
    mutate: onEvents((frames, { source, worker_id }) =>
      Stream.mapEffect(frames, (frame): Effect.Effect<SourceFrame, Problem> => {
        if (frame.kind !== "snapshot") return Effect.succeed(frame)
        return Effect.map(source.get(worker_id), ({ last_event_id }) => ({
          ...frame,
          cursor: frame.cursor.replace(/[0-9]+$/, String(last_event_id))
        }))
      })
    )
  },
  {
    bug: "a hole between the replay and what is live",
    caughtBy: "resume.live",
    mutate: onFrames(({ cursor }) => {
      let as_of = 0
      let skipped = cursor === undefined
      return (frame) => {
        if (frame.kind === "snapshot") as_of = Number(frame.snapshot.as_of)
        if (skipped || frame.kind !== "event" || !frame.durable || Number(frame.event_id) <= as_of) return [frame]
        skipped = true
        return []
      }
    })
  },
  {
    bug: "a cursor is lost when the connection dies before the first event",
    caughtBy: "resume.every-frame",
    mutate: onFrames(({ cursor }) => (frame) => [
      frame.kind === "snapshot" && cursor !== undefined ? { ...frame, cursor: moved(cursor, 1) } : frame
    ])
  },
  {
    bug: "the snapshot of a resumed stream does not say what it holds: everything is applied twice",
    caughtBy: "resume.snapshot",
    mutate: onFrames(({ cursor }) => (frame) => [
      frame.kind === "snapshot" && cursor !== undefined
        ? { ...frame, snapshot: { ...frame.snapshot, as_of: "0" } }
        : frame
    ])
  },
  {
    bug: "readers that resume at the same time get the rest of the first",
    caughtBy: "resume.together",
    mutate: onSource((source) => {
      let open = 0
      let shared: string | undefined
      return {
        events: (worker_id, cursor) =>
          cursor === undefined
            ? source.events(worker_id, cursor)
            : Stream.suspend(() => {
                if (open === 0) shared = cursor
                open += 1
                return Stream.ensuring(
                  source.events(worker_id, shared),
                  Effect.sync(() => {
                    open -= 1
                  })
                )
              })
      }
    })
  },
  {
    bug: "a malformed cursor is none at all",
    caughtBy: "resume.malformed",
    mutate: onCursor((cursor) => (Option.isNone(EventCursor.parse(cursor)) ? undefined : cursor))
  },
  {
    bug: "a malformed cursor replays all",
    caughtBy: "resume.malformed",
    mutate: onEvents((frames, { source, worker_id }) =>
      Stream.catchTag(frames, "invalid_cursor", () =>
        Stream.flatMap(Stream.take(source.events(worker_id, undefined), 1), (first) =>
          source.events(worker_id, first.kind === "snapshot" ? moved(first.cursor, -1_000_000) : undefined)
        )
      )
    )
  },
  {
    bug: "a malformed cursor is met with silence",
    caughtBy: "resume.malformed",
    hangsMs: hangs,
    mutate: onEvents((frames) => Stream.catchTag(frames, "invalid_cursor", () => Stream.never))
  },
  {
    bug: "a malformed cursor is an internal error",
    caughtBy: "resume.malformed",
    mutate: onEvents((frames) => Stream.mapError(frames, told("invalid_cursor", "internal")))
  },
  {
    bug: "a cursor without an epoch: that of another worker is as good",
    caughtBy: "resume.foreign",
    mutate: onEvents((frames, { cursor, source, worker_id }) =>
      cursor === undefined
        ? frames
        : Stream.flatMap(Stream.take(source.events(worker_id, undefined), 1), (first) => {
            const own = first.kind === "snapshot" ? EventCursor.parse(first.cursor) : Option.none()
            const given = EventCursor.parse(cursor)
            return Option.isSome(own) && Option.isSome(given)
              ? source.events(worker_id, EventCursor.format(own.value.epoch, given.value.seq))
              : frames
          })
    )
  },
  {
    bug: "a cursor of another worker is dropped without a word",
    caughtBy: "resume.foreign",
    mutate: unsaid("epoch_changed")
  },
  {
    bug: "a resync without a snapshot",
    caughtBy: "resume.foreign",
    mutate: onFrames(() => {
      let resynced = false
      return (frame) => {
        if (frame.kind === "resync") resynced = true
        return resynced && frame.kind === "snapshot" ? [] : [frame]
      }
    })
  },
  {
    bug: "an expired cursor is met as if nothing were lost",
    caughtBy: "resume.expired",
    mutate: unsaid("expired")
  },
  {
    bug: "an expired cursor gets what is left of the past",
    caughtBy: "resume.expired",
    mutate: onEvents((frames, { cursor, source, worker_id }) =>
      cursor === undefined
        ? frames
        : Stream.unwrap(
            Effect.map(source.get(worker_id), ({ last_event_id }) =>
              last_event_id > 1_000 ? source.events(worker_id, moved(cursor, last_event_id - 100)) : frames
            )
          )
    )
  },
  {
    bug: "a broken connection looks like the end",
    caughtBy: "resume.cut",
    mutate: onEvents((frames) => Stream.catch(frames, () => Stream.empty))
  },
  {
    bug: "a broken connection is final",
    caughtBy: "resume.cut",
    mutate: onEvents((frames) => Stream.mapError(frames, told("runtime_unreachable", "runtime_protocol_error")))
  },
  {
    bug: "a broken connection is waited for, for ever",
    caughtBy: "resume.cut",
    hangsMs: hangs,
    mutate: onEvents((frames) => Stream.catch(frames, () => Stream.never))
  },
  {
    bug: "a lagged reader is dropped in silence",
    caughtBy: "slow.told",
    mutate: onEvents((frames) => Stream.buffer(Stream.rechunk(frames, 1), { capacity: 8, strategy: "sliding" }))
  },
  {
    bug: "a lagged reader goes on after the hole as if there were none",
    caughtBy: "slow.told",
    mutate: onFrames(() => {
      let first = true
      return (frame) => {
        if (frame.kind === "resync") return []
        if (frame.kind !== "snapshot") return [frame]
        const shown = first ? [frame] : []
        first = false
        return shown
      }
    })
  },
  {
    bug: "a lagged reader is just cut off",
    caughtBy: "slow.told",
    mutate: onEvents((frames) => Stream.takeWhile(frames, ({ kind }) => kind !== "resync"))
  },
  {
    bug: "a slow reader delays the worker",
    caughtBy: "slow.others",
    hangsMs: hangs,
    mutate: onSource((source) => {
      const open = new Set<{ seen: number }>()
      return {
        events: (worker_id, cursor) =>
          Stream.suspend(() => {
            const reader = { seen: 0 }
            open.add(reader)
            return source.events(worker_id, cursor).pipe(
              Stream.rechunk(1),
              Stream.tap((frame) =>
                Effect.sync(() => {
                  if (frame.kind === "event") reader.seen = Number(frame.event_id)
                })
              ),
              Stream.ensuring(Effect.sync(() => open.delete(reader)))
            )
          }),
        input: (...asked) =>
          Effect.tap(source.input(...asked), ({ answer }) =>
            Effect.gen(function* () {
              while ([...open].some(({ seen }) => seen < answer.event_id)) yield* Effect.sleep(5)
            })
          )
      }
    })
  },
  {
    bug: "an interrupted call takes the source with it",
    caughtBy: "interruption.call",
    mutate: onSource((source) => {
      let poisoned = false
      return {
        describe: Effect.onInterrupt(Effect.andThen(Effect.yieldNow, source.describe), () =>
          Effect.sync(() => {
            poisoned = true
          })
        ),
        get: (worker_id) =>
          Effect.suspend(() =>
            poisoned
              ? Effect.fail(problem(source, "worker.get", "runtime_timeout", { worker_id }))
              : source.get(worker_id)
          )
      }
    })
  },
  {
    bug: "a waiting stream does not notice that its reader is gone",
    caughtBy: "interruption.stream",
    hangsMs: hangs,
    mutate: onEvents((frames) => Stream.ensuring(frames, Effect.sleep(600)))
  },
  {
    bug: "one reader that leaves ends the stream of the others",
    caughtBy: "interruption.others",
    mutate: onSource((source) => {
      const left = Deferred.makeUnsafe<void>()
      return {
        events: (worker_id, cursor) =>
          source
            .events(worker_id, cursor)
            .pipe(Stream.interruptWhen(Deferred.await(left)), Stream.ensuring(Deferred.succeed(left, undefined)))
      }
    })
  },
  {
    bug: "subscribers leak: the stream goes on without its reader",
    caughtBy: "interruption.leak",
    hangsMs: hangs,
    mutate: onEvents((frames) =>
      Stream.unwrap(
        Effect.gen(function* () {
          const queue = yield* Queue.unbounded<SourceFrame, Problem | Cause.Done>()
          yield* Effect.forkDetach(Stream.runIntoQueue(frames, queue))
          return Stream.fromQueue(queue)
        })
      )
    )
  }
]
