/** An event stream over WebSocket: refused as JSON before the handshake, then a session until one of both sides ends it. */
import { Clock, Effect, Option, type Scope } from "effect"
import { HttpServerRequest } from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Problem from "../../domain/Problem.ts"
import type { Watch } from "../../domain/WatchStream.ts"
import { CloseCode } from "./CloseCode.ts"
import type { Group } from "./Fanout.ts"
import * as Frames from "./Frames.ts"
import { type OpenStream, OpenStreams } from "./OpenStreams.ts"
import { attach, Ending, serve, type Session } from "./StreamSession.ts"
import { isHandshake, subprotocol, textFrame, type Upgraded, closed, upgrade } from "./WebSockets.ts"

/** A client that keeps talking on a stream that only listens is cut after so many messages. */
const maxRefusedMessages = 8

/** After the close frame, how long a peer has to answer it, in milliseconds. */
const closeDeadlineMs = 1_000

export interface Options<E> {
  readonly speaker: Frames.Speaker
  readonly cursor: string | undefined
  readonly watch: Watch<E>
  /** The fan-out group of this worker. */
  readonly group: Effect.Effect<Group, E, Scope.Scope>
}

/** Refuses what the client says, and cuts it when it does not stop. */
const refuseMessages = ({ webSocket }: Upgraded, speaker: Frames.Speaker) => {
  let refused = 0
  webSocket.on("message", () => {
    refused += 1
    if (refused > maxRefusedMessages) webSocket.close(CloseCode.tooMany, "this stream only listens")
    else webSocket.send(Frames.diagnostic(`${speaker.prefix}.observation_only`, "This stream takes no messages."))
  })
}

/** One of the server's open streams; it has a session once the handshake is done. */
class OpenSocket<E> implements OpenStream {
  readonly ending = new Ending()
  session: Session<E> | undefined
  lastHeard: number
  #asked: { readonly code: number; readonly reason: string } | undefined

  constructor(now: number) {
    this.lastHeard = now
  }

  heartbeat(): void {
    const { session } = this
    if (session === undefined) return
    const { group, joined, upgraded } = session
    upgraded.webSocket.ping()
    // Browsers do not see pings: a bookmark tells them that the stream lives, and where they could resume.
    if (!joined || upgraded.webSocket.protocol !== subprotocol) return
    group.flush()
    upgraded.socket.write(textFrame(Frames.bookmark(group.cursor)))
  }

  close(code: number, reason: string): void {
    this.#asked ??= { code, reason }
    this.#close()
  }

  begin(session: Session<E>): void {
    this.session = session
    session.upgraded.webSocket.once("close", () => this.ending.end())
    this.#close()
  }

  #close(): void {
    const webSocket = this.session?.upgraded.webSocket
    if (this.#asked === undefined || webSocket === undefined) return
    webSocket.close(this.#asked.code, this.#asked.reason)
    if (this.#asked.code === CloseCode.deadPeer) webSocket.terminate()
    this.ending.end()
  }
}

/** Everything that can be refused is refused before the handshake. Undefined when the peer did not stay for it. */
const begin = Effect.fnUntraced(function* <E>({ cursor, group, speaker, watch }: Options<E>) {
  const streams = yield* OpenStreams
  const clock = yield* Clock.Clock
  const joining = yield* group
  const attached = yield* attach(watch, cursor)
  const stream = new OpenSocket<E>(clock.currentTimeMillisUnsafe())
  yield* streams.open(stream)
  const upgraded = yield* Effect.option(upgrade)
  // The peer has gone, or `ws` has refused the handshake itself: there is nobody left to answer.
  if (Option.isNone(upgraded)) return undefined
  const session = {
    speaker,
    watch,
    group: joining,
    upgraded: upgraded.value,
    ending: stream.ending,
    attached,
    joined: false
  }
  stream.begin(session)
  upgraded.value.socket.on("data", () => {
    stream.lastHeard = clock.currentTimeMillisUnsafe()
  })
  return session
})

export const respond = Effect.fnUntraced(function* <E>(options: Options<E>) {
  const { headers } = yield* HttpServerRequest
  if (headers.upgrade?.toLowerCase() !== "websocket") return yield* Problem.make("upgrade_required")
  if (!isHandshake(headers)) {
    return yield* Problem.make("invalid_request", "The WebSocket handshake is not complete.", { reason: "handshake" })
  }
  const session = yield* begin(options)
  if (session === undefined) return HttpServerResponse.empty({ status: 400 })
  const { webSocket } = session.upgraded
  if (webSocket.protocol !== "" && webSocket.protocol !== subprotocol) {
    webSocket.close(CloseCode.subprotocol, `offer ${subprotocol} or nothing`)
  } else {
    refuseMessages(session.upgraded, options.speaker)
    yield* serve(session).pipe(
      Effect.catch(() => Effect.sync(() => webSocket.close(CloseCode.tryLater, "the stream was lost")))
    )
  }
  // Give the closing handshake its time; the scope ends the connection otherwise.
  yield* Effect.timeoutOption(closed(session.upgraded), closeDeadlineMs)
  return HttpServerResponse.empty()
}, Effect.scoped)
