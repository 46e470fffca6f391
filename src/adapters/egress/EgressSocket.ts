/** The guarded WebSocket client: same check, same dial, same headers as a request; text frames with backpressure. */
import type * as Arr from "effect/Array"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import { WebSocket } from "ws"
import { dial, discard } from "./EgressDial.ts"
import { EgressFailure, failure } from "./EgressFailure.ts"
import type { Address, Held } from "./EgressTarget.ts"
import { handshake, type Sink, type UpgradeOptions, type UpgradeRefused } from "./SocketHandshake.ts"
import { FLOOD_FRAMES, SocketInbox } from "./SocketInbox.ts"

/** Time for dialling and the upgrade when none is named, in milliseconds. */
export const DEFAULT_OPEN_DEADLINE_MS = 5_000

/** Silence after which a peer is dead when none is named: 2.5 of the protocol's 15 s heartbeats, in milliseconds. */
export const DEFAULT_DEAD_AFTER_MS = 37_500

/** Ticks in which the silence is counted; a ping is sent in each silent one. */
const LIVENESS_TICKS = 5

/** Most pings and pongs of a peer in one tick. */
export const MAX_CONTROL_FRAMES_PER_TICK = 256

/** Most bytes of ours that wait in the socket. */
export const MAX_OUTBOUND_BYTES = 1024 * 1024

export interface OpenOptions extends UpgradeOptions {
  /** Milliseconds; `DEFAULT_OPEN_DEADLINE_MS` when absent. */
  readonly deadline_ms?: number
  /** Milliseconds; `DEFAULT_DEAD_AFTER_MS` when absent. Found out at most a fifth later. */
  readonly dead_after_ms?: number
}

/** The peer closed the socket with a close frame. `reason` is the peer's own text: never show or log it. */
export class SocketClosed extends Data.TaggedError("SocketClosed")<{
  readonly code: number
  readonly reason: Redacted.Redacted<string>
}> {
  override get message(): string {
    return `The peer closed the socket with code ${this.code}`
  }
}

export interface EgressSocket {
  /** The subprotocol that the peer chose; empty when it chose none. */
  readonly protocol: string
  /**
   * The text frames that have arrived, in order, at least one. While nobody takes, the socket is not read. After the
   * last frame it fails with `SocketClosed`, or with `EgressFailure`: `reset` without a close frame, `body_idle` for
   * a silent peer, `too_large` for a frame or a flood over its cap, `protocol`, `closed` after the scope.
   */
  readonly take: Effect.Effect<Arr.NonEmptyArray<string>, SocketClosed | EgressFailure>
  /** Completes when the frame is in the operating system's hands. Fails with `closed`, `saturated` or `reset`. */
  readonly send: (text: string) => Effect.Effect<void, EgressFailure>
}

/** The whole connection, from the first byte dialled, so that it can be ended at any point. */
interface Connection {
  readonly held: Held
  socket: WebSocket | undefined
  controls: number
  /** Something arrived in this tick. */
  heard: boolean
}

const sinkOf = (connection: Connection, inbox: SocketInbox<SocketClosed | EgressFailure>): Sink => {
  const flood = (limit: number) => {
    inbox.end(failure({ _tag: "too_large", limit }, true))
    connection.socket?.terminate()
  }
  return {
    text: (frame, size) => {
      connection.heard = true
      if (!inbox.offer(frame, size)) flood(FLOOD_FRAMES)
    },
    control: () => {
      connection.heard = true
      if (++connection.controls > MAX_CONTROL_FRAMES_PER_TICK) flood(MAX_CONTROL_FRAMES_PER_TICK)
    },
    end: (reason) =>
      inbox.end(
        reason instanceof EgressFailure
          ? reason
          : new SocketClosed({ code: reason.code, reason: Redacted.make(reason.reason) })
      )
  }
}

/** Pings a silent peer and ends the socket when it stays silent. A socket that is not being read is not silent. */
const watch = (
  connection: Connection,
  inbox: SocketInbox<SocketClosed | EgressFailure>,
  socket: WebSocket,
  dead_after_ms: number
) =>
  Effect.gen(function* () {
    let silent = 0
    while (socket.readyState === WebSocket.OPEN) {
      yield* Effect.sleep(dead_after_ms / LIVENESS_TICKS)
      silent = connection.heard || inbox.paused ? 0 : silent + 1
      connection.heard = false
      connection.controls = 0
      if (silent >= LIVENESS_TICKS) {
        inbox.end(failure({ _tag: "body_idle" }, true))
        socket.terminate()
      } else if (silent > 0 && socket.readyState === WebSocket.OPEN) {
        socket.ping()
      }
    }
  })

const sender = (socket: WebSocket) => (text: string) =>
  Effect.callback<void, EgressFailure>((resume) => {
    if (socket.readyState !== WebSocket.OPEN) return resume(Effect.fail(failure({ _tag: "closed" }, false)))
    if (socket.bufferedAmount + Buffer.byteLength(text) > MAX_OUTBOUND_BYTES) {
      return resume(Effect.fail(failure({ _tag: "saturated", limit: MAX_OUTBOUND_BYTES }, false)))
    }
    socket.send(text, (error) => {
      resume(error instanceof Error ? Effect.fail(failure({ _tag: "reset" }, true, error)) : Effect.void)
    })
  })

/**
 * Opens a socket that closes with the scope (1000, and cut when the peer does not answer). Fails with `UpgradeRefused`
 * when the peer answered with an ordinary response, else with `EgressFailure`.
 */
export const open = Effect.fnUntraced(function* (
  address: Address,
  options: OpenOptions
): Effect.fn.Return<EgressSocket, EgressFailure | UpgradeRefused, Scope.Scope> {
  const connection: Connection = { held: { socket: undefined }, socket: undefined, controls: 0, heard: false }
  const inbox = new SocketInbox<SocketClosed | EgressFailure>({
    pause: () => connection.socket?.pause(),
    resume: () => connection.socket?.resume()
  })
  const end = Effect.sync(() => {
    inbox.end(failure({ _tag: "closed" }, true))
    if (connection.socket?.readyState === WebSocket.OPEN) connection.socket.close(1000)
    else if (connection.held.socket !== undefined) discard(connection.held.socket)
  })
  yield* Effect.addFinalizer(() => end)
  const upgraded = yield* dial(address, connection.held).pipe(
    Effect.flatMap((dialled) =>
      handshake(address, dialled, options, sinkOf(connection, inbox), (socket) => (connection.socket = socket))
    ),
    Effect.timeoutOrElse({
      duration: options.deadline_ms ?? DEFAULT_OPEN_DEADLINE_MS,
      orElse: () => Effect.fail(failure({ _tag: "deadline" }, connection.socket !== undefined))
    }),
    Effect.onError(() => end)
  )
  yield* Effect.forkScoped(watch(connection, inbox, upgraded.socket, options.dead_after_ms ?? DEFAULT_DEAD_AFTER_MS))
  return { protocol: upgraded.protocol, take: inbox.take, send: sender(upgraded.socket) }
})
