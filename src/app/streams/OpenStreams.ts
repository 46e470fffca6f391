/** All event streams of one server: how many there may be, that they are alive, and that they end when the server does. */
import { Clock, Context, Effect, Layer, Schedule, type Scope } from "effect"
import * as Problem from "../../domain/Problem.ts"
import { CloseCode } from "./CloseCode.ts"
import { heartbeatMs } from "./Frames.ts"

/** Event streams open at once on one server. */
export const maxOpenStreams = 10_000

/** Without a sign of life for so many heartbeats a peer is dead. */
export const deadAfterHeartbeats = 2.5

export interface OpenStream {
  /** Milliseconds of the server's clock at which the peer was last heard of. */
  lastHeard: number
  readonly heartbeat: () => void
  readonly close: (code: number, reason: string) => void
}

export class OpenStreams extends Context.Service<
  OpenStreams,
  {
    /** Counts the stream in until the scope closes. */
    readonly open: (
      stream: OpenStream
    ) => Effect.Effect<void, Problem.Problem<"too_many_streams" | "runtime_unavailable">, Scope.Scope>
    readonly count: Effect.Effect<number>
    /** Ends every stream and lets no new one in. */
    readonly closeAll: (code: number, reason: string) => Effect.Effect<void>
  }
>()("yoi-workspace/app/OpenStreams") {
  static readonly layer = Layer.effect(
    OpenStreams,
    Effect.gen(function* () {
      const streams = new Set<OpenStream>()
      let closing = false

      const beat = Effect.gen(function* () {
        const now = yield* Clock.currentTimeMillis
        for (const stream of streams) {
          if (now - stream.lastHeard > deadAfterHeartbeats * heartbeatMs) {
            stream.close(CloseCode.deadPeer, "no sign of life")
          } else stream.heartbeat()
        }
      })
      yield* Effect.forkScoped(Effect.repeat(Effect.delay(beat, heartbeatMs), Schedule.forever))

      return OpenStreams.of({
        open: (stream) =>
          Effect.acquireRelease(
            Effect.suspend((): Effect.Effect<void, Problem.Problem<"too_many_streams" | "runtime_unavailable">> => {
              if (closing) return Problem.fail("runtime_unavailable", "The server is shutting down.")
              if (streams.size >= maxOpenStreams) {
                return Problem.fail("too_many_streams", undefined, { max: maxOpenStreams, retry_after_ms: heartbeatMs })
              }
              streams.add(stream)
              return Effect.void
            }),
            () => Effect.sync(() => streams.delete(stream))
          ),
        count: Effect.sync(() => streams.size),
        closeAll: (code, reason) =>
          Effect.sync(() => {
            closing = true
            for (const stream of streams) stream.close(code, reason)
          })
      })
    })
  )
}
