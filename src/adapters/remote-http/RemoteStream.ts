/** A worker's event stream over WebSocket: opens it, finds out which dialect the runtime speaks, and reads that. */
import "effect/schema/SchemaJITCompiler/enable"
import { Effect, Redacted, type Scope, Stream } from "effect"
import type * as Problem from "../../domain/Problem.ts"
import { capability } from "../../domain/Runtime.ts"
import * as RuntimeFault from "../../domain/RuntimeFault.ts"
import type { SourceFrame } from "../../domain/RuntimeSource.ts"
import * as EgressSocket from "../egress/EgressSocket.ts"
import * as CurrentFrames from "./CurrentFrames.ts"
import * as FieldFrames from "./FieldFrames.ts"
import * as RemoteCall from "./RemoteCall.ts"
import * as RemoteFailure from "./RemoteFailure.ts"
import type { Feed, Options } from "./StreamOptions.ts"

/**
 * Largest frame, in bytes: a snapshot with the largest input in its transcript and as much text in flight, each character
 * of which JSON may write as six bytes.
 */
export const maxFrameBytes = 16_777_216

/** What a client offers that understands more than field v1. */
export const subprotocol = "worker-events.v1"

const open = Effect.fnUntraced(function* (
  { line, path }: Options,
  cursor: string | undefined
): Effect.fn.Return<Feed & { readonly protocol: string }, Problem.Problem, Scope.Scope> {
  const bearer = line.token === undefined ? undefined : yield* line.token
  const { accept: _, ...headers } = yield* RemoteCall.headers
  const socket = yield* EgressSocket.open(line.target, {
    path: path(cursor),
    headers,
    protocols: [subprotocol],
    max_frame_bytes: maxFrameBytes,
    ...(bearer === undefined ? undefined : { bearer })
  }).pipe(
    Effect.mapError((failed) => {
      if (failed._tag === "EgressFailure") return RemoteFailure.ofEgress(failed)
      // A plain success instead of an upgrade is a server that does not know what was asked.
      if (failed.status < 300) return RuntimeFault.problem("not_a_runtime")
      return RemoteFailure.ofAnswer({ status: failed.status, body: Redacted.value(failed.body) })
    })
  )
  return {
    protocol: socket.protocol,
    take: Effect.mapError(socket.take, (ended) =>
      ended._tag === "EgressFailure" ? RemoteFailure.ofEgress(ended) : RemoteFailure.ofClose(ended)
    )
  }
})

/** As `RuntimeSource.events`. A cursor of a field-v1 stream is this adapter's own and is never sent. */
export const frames = (options: Options): Stream.Stream<SourceFrame, Problem.Problem> =>
  Stream.unwrap(
    Effect.gen(function* () {
      const { cursor } = options
      const before = options.field ? yield* options.worker : undefined
      const feed = yield* open(options, FieldFrames.isOwn(cursor) ? undefined : cursor)
      if (feed.protocol === subprotocol) return CurrentFrames.frames(options.worker_id, feed)
      if (feed.protocol !== "") {
        return yield* RuntimeFault.problem("stream", { capability: capability.eventsWs })
      }
      return FieldFrames.frames(options, feed, before)
    })
  )
