/** Upgrades a dialled connection to a WebSocket, or says with what the peer refused. The edge of the `ws` package. */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type { IncomingMessage } from "node:http"
import type { Socket } from "node:net"
import { type ClientOptions, type RawData, WebSocket } from "ws"
import { isEncoded, isPath } from "./EgressExchange.ts"
import { codeOf, EgressFailure, type EgressReason, failure } from "./EgressFailure.ts"
import * as EgressHeaders from "./EgressHeaders.ts"
import { MAX_RESPONSE_HEAD_BYTES } from "./EgressPool.ts"
import type { Address } from "./EgressTarget.ts"

/** Largest message when none is named, in bytes, however many fragments it comes in. */
export const MAX_FRAME_BYTES = 1024 * 1024

/** Most fragments of one message. */
export const MAX_FRAGMENTS = 1_024

/** Most pieces in which one frame may arrive: a message of one byte per packet is a slow peer's, not more. */
const MAX_CHUNKS = 16 * 1024

/** Most of a refusal's body that is kept, in bytes. */
export const MAX_REFUSAL_BYTES = 64 * 1024

/** Time that a peer has to answer our close frame before the connection is cut, in milliseconds. */
const CLOSE_TIMEOUT_MS = 1_000

/** The peer answered the upgrade with an ordinary response. `body` is the peer's: decode it, never show it as it is. */
export class UpgradeRefused extends Data.TaggedError("UpgradeRefused")<{
  readonly status: number
  readonly body: Redacted.Redacted<Uint8Array>
  /** The body was longer than `MAX_REFUSAL_BYTES`, and the rest was not read. */
  readonly truncated: boolean
}> {
  override get message(): string {
    return `The peer refused the upgrade with status ${this.status}`
  }
}

export interface UpgradeOptions {
  readonly path: string
  readonly headers?: EgressHeaders.RequestHeaders
  readonly bearer?: Redacted.Redacted<string>
  /** Subprotocols to offer. A peer may choose none of them. */
  readonly protocols?: ReadonlyArray<string>
  /** Bytes of one message; `MAX_FRAME_BYTES` when absent. */
  readonly max_frame_bytes?: number
}

/** What happens on the socket after the upgrade, from the first frame on. */
export interface Sink {
  readonly text: (frame: string, size: number) => void
  /** A ping or a pong. */
  readonly control: () => void
  /** No more frames. May be called more than once; the first call has the reason. */
  readonly end: (reason: EgressFailure | { readonly code: number; readonly reason: string }) => void
}

export interface Upgraded {
  readonly socket: WebSocket
  readonly protocol: string
}

const reasons: { readonly [code: string]: EgressReason } = {
  WS_ERR_TOO_MANY_BUFFERED_PARTS: { _tag: "too_large", limit: MAX_FRAGMENTS },
  HPE_HEADER_OVERFLOW: { _tag: "too_large", limit: MAX_RESPONSE_HEAD_BYTES },
  ECONNRESET: { _tag: "reset" },
  EPIPE: { _tag: "reset" },
  ETIMEDOUT: { _tag: "reset" }
}

const oversized: ReadonlySet<string> = new Set([
  "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH",
  "WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH"
])

/** Every other error of `ws` or of Node's parser is about what the peer sent. */
const failureOf = (error: Error, limit: number) => {
  const code = codeOf(error) ?? ""
  const reason: EgressReason = oversized.has(code)
    ? { _tag: "too_large", limit }
    : (reasons[code] ?? { _tag: "protocol" })
  return failure(reason, true, error)
}

/** Status 1006 is the library's word for a connection that ended without a close frame. */
const NO_CLOSE_FRAME = 1006

const readRefusal = (
  response: IncomingMessage,
  done: (refusal: Effect.Effect<never, EgressFailure | UpgradeRefused>) => void
) => {
  const status = response.statusCode ?? 0
  if (status >= 300 && status < 400) return done(Effect.fail(failure({ _tag: "redirect", status }, true)))
  if (isEncoded(response.headers)) return done(Effect.fail(failure({ _tag: "encoded" }, true)))
  const chunks: Array<Buffer> = []
  let size = 0
  const finish = (truncated: boolean) => {
    const body = Redacted.make<Uint8Array>(Buffer.concat(chunks).subarray(0, MAX_REFUSAL_BYTES))
    done(Effect.fail(new UpgradeRefused({ status, body, truncated })))
  }
  response.on("data", (chunk: Buffer) => {
    chunks.push(chunk)
    size += chunk.length
    if (size > MAX_REFUSAL_BYTES) finish(true)
  })
  response.once("end", () => finish(false))
  response.once("error", (error) => done(Effect.fail(failure({ _tag: "reset" }, true, error))))
}

/**
 * Sends the upgrade over `connection`, which belongs to the WebSocket from here on. `created` gets it at once, so that
 * it can be ended whatever happens. Fails with `UpgradeRefused` and every reason of a request.
 */
export const handshake = (
  address: Address,
  connection: Socket,
  options: UpgradeOptions,
  sink: Sink,
  created: (socket: WebSocket) => void
): Effect.Effect<Upgraded, EgressFailure | UpgradeRefused> =>
  Effect.callback((resume) => {
    if (!isPath(options.path)) return resume(Effect.fail(failure({ _tag: "path_invalid" }, false)))
    const headers = EgressHeaders.write(options.headers, options.bearer)
    if (headers instanceof EgressFailure) return resume(Effect.fail(headers))
    const peer = Redacted.value(address.peer)
    const offered = [...(options.protocols ?? [])]
    const limit = options.max_frame_bytes ?? MAX_FRAME_BYTES
    const origin = peer.origin.replace(/^http/, "ws")
    const settings: ClientOptions & { readonly closeTimeout: number; readonly maxHeaderSize: number } = {
      // With a connection of its own, Node asks no agent, and so no proxy setting.
      createConnection: () => connection,
      headers,
      followRedirects: false,
      perMessageDeflate: false,
      maxPayload: limit,
      maxFragments: MAX_FRAGMENTS,
      maxBufferedChunks: MAX_CHUNKS,
      maxHeaderSize: MAX_RESPONSE_HEAD_BYTES,
      closeTimeout: CLOSE_TIMEOUT_MS
    }
    const socket = new WebSocket(`${origin}${peer.base_path}${options.path}`, offered, settings)
    created(socket)
    let declined = false
    let ended: EgressFailure | undefined
    socket.on("upgrade", (response) => {
      // RFC 6455 lets a server choose none; `ws` takes that for an error, so it is shown the choice it wants.
      if (offered[0] !== undefined && response.headers["sec-websocket-protocol"] === undefined) {
        declined = true
        response.headers["sec-websocket-protocol"] = offered[0]
      }
    })
    socket.on("open", () => resume(Effect.succeed({ socket, protocol: declined ? "" : socket.protocol })))
    socket.on("unexpected-response", (_request, response) => readRefusal(response, resume))
    socket.on("message", (data: RawData, isBinary) => {
      // `binaryType` is left at its default, so a message is one Buffer.
      if (isBinary || !Buffer.isBuffer(data)) {
        sink.end(failure({ _tag: "protocol" }, true))
        return socket.close(1003)
      }
      sink.text(data.toString("utf8"), data.length)
    })
    socket.on("ping", sink.control)
    socket.on("pong", sink.control)
    socket.on("error", (error) => {
      ended ??= failureOf(error, limit)
      resume(Effect.fail(ended))
      sink.end(ended)
    })
    socket.on("close", (code, reason) => {
      ended ??= code === NO_CLOSE_FRAME ? failure({ _tag: "reset" }, true) : undefined
      resume(Effect.fail(ended ?? failure({ _tag: "protocol" }, true)))
      sink.end(ended ?? { code, reason: reason.toString("utf8") })
    })
  })
