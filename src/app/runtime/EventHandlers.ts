/** Handlers for event streams: both ways of watching read the same log and share one fan-out for each worker. */
import { Effect, RcMap } from "effect"
import { RuntimeApi } from "../../domain/api/RuntimeApi.ts"
import type { WorkerId } from "../../domain/Identifiers.ts"
import type { Watch } from "../../domain/WatchStream.ts"
import { WorkerRuntime } from "../../domain/WorkerRuntime.ts"
import * as Endpoints from "../http/Endpoints.ts"
import * as EventSocket from "../streams/EventSocket.ts"
import * as EventSse from "../streams/EventSse.ts"
import { makeGroups } from "../streams/Fanout.ts"
import type { Speaker } from "../streams/Frames.ts"
import { OpenStreams } from "../streams/OpenStreams.ts"

const speakerOf = (worker_id: WorkerId): Speaker => ({ prefix: "runtime", worker_id })

export const EventHandlers = Endpoints.group(
  RuntimeApi,
  "events",
  Effect.fnUntraced(function* (handle) {
    const runtime = yield* WorkerRuntime
    const streams = yield* OpenStreams
    const groups = yield* makeGroups(runtime.watch, speakerOf)
    const watchOf =
      (worker_id: WorkerId): Watch<Effect.Error<ReturnType<typeof runtime.watch>>> =>
      (cursor, watcher, onReset) =>
        runtime.watch(worker_id, cursor, watcher, onReset)

    return handle({
      socket: ({ params: { worker_id }, query: { cursor } }) =>
        EventSocket.respond({
          speaker: speakerOf(worker_id),
          cursor,
          watch: watchOf(worker_id),
          group: RcMap.get(groups, worker_id)
        }).pipe(Effect.provideService(OpenStreams, streams)),
      sse: ({ params: { worker_id }, query: { cursor } }) =>
        EventSse.respond({ speaker: speakerOf(worker_id), cursor, watch: watchOf(worker_id) }).pipe(
          Effect.provideService(OpenStreams, streams)
        )
    })
  })
)
