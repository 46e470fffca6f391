/** An event stream over WebSocket: refused as JSON before the handshake, then hello, snapshot, replay, live, end. */
import { Clock, Deferred, Effect, Metric, Option, type Scope } from "effect"
import { HttpServerRequest } from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import type { LogEntry, ResyncReason } from "../../domain/EventLog.ts"
import * as Problem from "../../domain/Problem.ts"
import { endOf, type Watch } from "../../domain/WatchStream.ts"
import type { TerminalState } from "../../domain/Worker.ts"
import type { Watching } from "../../domain/WorkerRuntime.ts"
import { CloseCode } from "./CloseCode.ts"
import { type Group, type Member, maxWaitingBytes } from "./Fanout.ts"
import * as Frames from "./Frames.ts"
import { OpenStreams } from "./OpenStreams.ts"
import { overflows } from "./StreamMetrics.ts"
import { isHandshake, subprotocol, textFrame, type Upgraded, upgrade } from "./WebSockets.ts"

/** A socket that does not drain within this time, in milliseconds, is cut. Its client resumes when it comes back. */
export const drainDeadlineMs = 10_000

/** A client that keeps talking on a stream that only listens is cut after so many messages. */
const maxRefusedMessages = 8

/** Bytes of replay that are written before the socket has to drain. */
const replayChunkBytes = 524_288

export interface Options<E> {
  readonly speaker: Frames.Speaker
  readonly cursor: string | undefined
  readonly watch: Watch<E>
  /** The fan-out group of this worker. */
  readonly group: Effect.Effect<Group, E, Scope.Scope>
}

type Signal =
  | { readonly kind: "reset"; readonly reason: ResyncReason | "gone" }
  | { readonly kind: "end"; readonly state: TerminalState }

/** An attachment whose live events are kept until the socket has caught up. */
interface Early {
  readonly watching: Watching
  readonly entries: Array<LogEntry>
  /** Set when the log started again meanwhile. */
  readonly reset: ResyncReason | "gone" | undefined
}

const attach = Effect.fnUntraced(function* <E>(options: Options<E>, cursor: string | undefined) {
  const entries: Array<LogEntry> = []
  let reset: Early["reset"]
  const watching = yield* options.watch(
    cursor,
    (entry) => entries.push(entry),
    (reason) => {
      reset ??= reason
    }
  )
  return {
    watching,
    entries,
    get reset() {
      return reset
    }
  } satisfies Early
})

/** Waits until the socket has written out what it holds; cuts it when it does not. */
const drained = ({ socket, webSocket }: Upgraded) =>
  Effect.callback<void>((resume) => {
    // Node only tells when a buffer that was over its mark has emptied.
    if (!socket.writableNeedDrain) return resume(Effect.void)
    const onDrain = () => resume(Effect.void)
    socket.once("drain", onDrain)
    return Effect.sync(() => socket.off("drain", onDrain))
  }).pipe(
    Effect.timeoutOrElse({
      duration: drainDeadlineMs,
      orElse: () => Effect.sync(() => webSocket.terminate())
    })
  )

/** Refuses what the client says, and cuts it when it does not stop. */
const refuseMessages = ({ webSocket }: Upgraded, speaker: Frames.Speaker) => {
  let refused = 0
  webSocket.on("message", () => {
    refused += 1
    if (refused > maxRefusedMessages) webSocket.close(CloseCode.tooMany, "this stream only listens")
    else webSocket.send(Frames.diagnostic(`${speaker.prefix}.observation_only`, "This stream takes no messages."))
  })
}

/**
 * A member of the group until something ends that. Joining is one synchronous step that first writes what arrived since
 * the backlog was cut: what the group writes begins exactly there.
 */
const live = (
  speaker: Frames.Speaker,
  upgraded: Upgraded,
  group: Group,
  attached: Early,
  written: number,
  liveness: { joined: boolean }
) =>
  Effect.suspend(() => {
    let member: Member | undefined
    return Effect.callback<Signal>((resume) => {
      if (attached.reset !== undefined) return resume(Effect.succeed({ kind: "reset", reason: attached.reset }))
      member = {
        socket: upgraded.socket,
        onEnd: (state) => resume(Effect.succeed({ kind: "end", state })),
        onReset: (reason) => resume(Effect.succeed({ kind: "reset", reason }))
      }
      for (const entry of attached.entries.slice(written)) {
        upgraded.socket.write(textFrame(Frames.event(speaker, entry)))
        const state = endOf(entry)
        if (state !== undefined) member.onEnd(state)
      }
      group.join(member)
      attached.watching.detach()
      liveness.joined = true
    }).pipe(
      Effect.ensuring(
        Effect.sync(() => {
          liveness.joined = false
          attached.watching.detach()
          if (member !== undefined) group.leave(member)
        })
      )
    )
  })

/** Everything up to live: writes in slices that drain, and joins the group when the rest fits. */
const serve = Effect.fnUntraced(function* <E>(
  options: Options<E>,
  upgraded: Upgraded,
  group: Group,
  first: Early,
  liveness: { joined: boolean }
) {
  const { socket, webSocket } = upgraded
  const { speaker } = options
  const dialect: Frames.Dialect = webSocket.protocol === subprotocol ? "v1" : "field"
  const write = (text: string) => socket.write(textFrame(text))

  const introduce = ({ watching }: Early, reason: ResyncReason | undefined) => {
    if (reason !== undefined) write(Frames.resync(speaker, dialect, reason, watching.head))
    write(Frames.snapshot(speaker, watching.cursor, watching.snapshot))
  }

  if (dialect === "v1") write(Frames.hello(first.watching.epoch, first.watching.retained_events, first.watching.head))
  introduce(first, first.watching.resync)
  let attached: Early = first

  while (true) {
    const backlog = [...attached.watching.replay, ...attached.entries]
    let bytes = 0
    let sent = 0
    while (sent < backlog.length && bytes < replayChunkBytes) {
      const frame = textFrame(Frames.event(speaker, backlog[sent]!))
      bytes += frame.length
      sent += 1
      socket.write(frame)
    }
    let signal: Signal | undefined
    if (attached.reset !== undefined) {
      signal = { kind: "reset", reason: attached.reset }
      attached.watching.detach()
    } else if (sent === backlog.length && socket.writableLength <= maxWaitingBytes) {
      const ended = attached.watching.ended ?? backlog.map(endOf).find((state) => state !== undefined)
      const written = backlog.length - attached.watching.replay.length
      signal =
        ended === undefined
          ? yield* live(speaker, upgraded, group, attached, written, liveness)
          : { kind: "end", state: ended }
    }
    if (signal === undefined) {
      // Not all of it fits: let it drain and go on from the last event that was written; the log is the buffer.
      const resumeAt = sent === 0 ? attached.watching.cursor : backlog[sent - 1]!.cursor
      attached.watching.detach()
      yield* drained(upgraded)
      attached = yield* attach(options, resumeAt)
      if (attached.watching.resync !== undefined) introduce(attached, attached.watching.resync)
    } else if (signal.kind === "end") {
      if (dialect === "v1") write(Frames.end(signal.state))
      return webSocket.close(CloseCode.normal, signal.state)
    } else if (signal.reason === "gone") {
      return webSocket.close(CloseCode.notFound, "the worker is gone")
    } else {
      if (signal.reason === "overflow") yield* Metric.update(overflows, 1)
      yield* drained(upgraded)
      attached = yield* attach(options, undefined)
      introduce(attached, signal.reason)
    }
  }
})

export const respond = Effect.fnUntraced(function* <E>(options: Options<E>) {
  const request = yield* HttpServerRequest
  if (request.headers.upgrade?.toLowerCase() !== "websocket") return yield* Problem.make("upgrade_required")
  if (!isHandshake(request.headers)) {
    return yield* Problem.make("invalid_request", "The WebSocket handshake is not complete.", { reason: "handshake" })
  }
  const streams = yield* OpenStreams
  const group = yield* options.group
  const first = yield* attach(options, options.cursor)
  const clock = yield* Clock.Clock
  const liveness = { joined: false }
  const closing = yield* Deferred.make<{ readonly code: number; readonly reason: string }>()
  let upgraded: Upgraded | undefined
  const stream = {
    lastHeard: clock.currentTimeMillisUnsafe(),
    heartbeat: () => {
      if (upgraded === undefined) return
      upgraded.webSocket.ping()
      // Browsers do not see pings: a bookmark tells them that the stream lives, and where they could resume.
      if (liveness.joined && upgraded.webSocket.protocol === subprotocol) {
        group.flush()
        upgraded.socket.write(textFrame(Frames.bookmark(group.cursor)))
      }
    },
    close: (code: number, reason: string) => {
      Deferred.doneUnsafe(closing, Effect.succeed({ code, reason }))
    }
  }
  yield* streams.open(stream)
  const handshake = yield* Effect.option(upgrade)
  // The peer has gone, or `ws` has refused the handshake itself: there is nobody left to answer.
  if (Option.isNone(handshake)) return HttpServerResponse.empty({ status: 400 })
  const opened = handshake.value
  upgraded = opened
  const { socket, webSocket } = opened
  const heard = () => {
    stream.lastHeard = clock.currentTimeMillisUnsafe()
  }
  socket.on("data", heard)
  if (webSocket.protocol !== "" && webSocket.protocol !== subprotocol) {
    webSocket.close(CloseCode.subprotocol, `offer ${subprotocol} or nothing`)
  } else {
    refuseMessages(opened, options.speaker)
    const closed = Deferred.await(closing).pipe(
      Effect.map(({ code, reason }) => {
        webSocket.close(code, reason)
        if (code === CloseCode.deadPeer) webSocket.terminate()
      })
    )
    const served = serve(options, opened, group, first, liveness).pipe(
      Effect.catch(() => Effect.sync(() => webSocket.close(CloseCode.tryLater, "the stream was lost")))
    )
    yield* Effect.raceFirst(Effect.raceFirst(served, closed), opened.closed)
  }
  // Give the closing handshake its time; the scope ends the connection otherwise.
  yield* Effect.timeoutOption(opened.closed, 1_000)
  return HttpServerResponse.empty()
}, Effect.scoped)
