/** An event stream as server-sent events: the same log and frames, `id:` is the cursor. */
import type { IncomingMessage } from "node:http"
import * as NodeHttpServerRequest from "@effect/platform-node/NodeHttpServerRequest"
import { Deferred, Effect, Metric, Stream } from "effect"
import { HttpServerRequest } from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import type { ResyncReason } from "../../domain/EventLog.ts"
import type { SourceFrame } from "../../domain/RuntimeSource.ts"
import { frames, type Watch } from "../../domain/WatchStream.ts"
import * as Frames from "./Frames.ts"
import { OpenStreams } from "./OpenStreams.ts"
import { overflows } from "./StreamMetrics.ts"

export interface Options<E> {
  readonly speaker: Frames.Speaker
  /** From the query; `Last-Event-ID` wins, because a browser that reconnects repeats its first address. */
  readonly cursor: string | undefined
  readonly watch: Watch<E>
}

const message = (id: string | undefined, data: string): string =>
  id === undefined ? `data: ${data}\n\n` : `id: ${id}\ndata: ${data}\n\n`

/** The events of one frame; a resync is held back until the snapshot that follows it tells the cursor. */
const encode = (speaker: Frames.Speaker) => {
  let lost: ResyncReason | undefined
  return (frame: SourceFrame): string => {
    switch (frame.kind) {
      case "snapshot": {
        const { cursor, snapshot } = frame
        const resync = lost === undefined ? "" : message(cursor, Frames.resync(speaker, "v1", lost, cursor))
        lost = undefined
        return resync + message(cursor, Frames.snapshot(speaker, cursor, snapshot))
      }
      case "event":
        return message(
          frame.cursor,
          Frames.event(speaker, { ...frame, seq: 0, json: frame.json ?? JSON.stringify(frame.event) })
        )
      case "resync":
        lost = frame.reason
        return ""
      case "bookmark":
        return message(frame.cursor, Frames.bookmark(frame.cursor))
      case "end":
        return message(undefined, Frames.end(frame.state))
    }
  }
}

/** Cuts a reader that has taken nothing since the last beat although something waits for it. */
const stallGuard = (request: HttpServerRequest) => {
  const { socket } = NodeHttpServerRequest.toIncomingMessage(request) as IncomingMessage
  let written = -1
  return () => {
    if (socket.writableLength > 0 && socket.bytesWritten === written) socket.destroy()
    written = socket.bytesWritten
  }
}

const heartbeat = Stream.map(Stream.tick(Frames.heartbeatMs), () => ": heartbeat\n\n").pipe(Stream.drop(1))

export const respond = Effect.fnUntraced(function* <E>(options: Options<E>) {
  const request = yield* HttpServerRequest
  const streams = yield* OpenStreams
  const cursor = request.headers["last-event-id"] ?? options.cursor
  // What is refused is refused before the answer starts.
  yield* Effect.scoped(options.watch(cursor, () => {}))
  const closing = yield* Deferred.make<void>()
  const opened = Stream.unwrap(
    Effect.as(
      streams.open({
        lastHeard: Number.POSITIVE_INFINITY,
        heartbeat: stallGuard(request),
        close: () => void Deferred.doneUnsafe(closing, Effect.void)
      }),
      frames(options.watch, cursor).pipe(
        Stream.tap((frame) =>
          frame.kind === "resync" && frame.reason === "overflow" ? Metric.update(overflows, 1) : Effect.void
        ),
        Stream.map(encode(options.speaker))
      )
    )
  )
  const text = Stream.merge(opened, heartbeat, { haltStrategy: "left" }).pipe(
    Stream.filter((part) => part !== ""),
    Stream.interruptWhen(Deferred.await(closing)),
    // The connection is the only place left to say it: an event stream that breaks off is resumed by its client.
    Stream.catch(() => Stream.empty),
    Stream.encodeText
  )
  return HttpServerResponse.stream(text, {
    contentType: "text/event-stream",
    headers: { "cache-control": "no-store", "x-accel-buffering": "no" }
  })
})
