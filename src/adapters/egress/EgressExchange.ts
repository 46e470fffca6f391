/** One request over a target's pool: the hot path. Collects the answer under its caps and aborts everything else. */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type { Dispatcher } from "undici"
import errors from "undici/lib/core/errors.js"
import { Listed } from "../../domain/registry/CallList.ts"
import type { Expirable } from "./EgressDeadlines.ts"
import { codeOf, EgressFailure, type EgressReason, failure } from "./EgressFailure.ts"
import * as EgressHeaders from "./EgressHeaders.ts"
import { MAX_CONNECTIONS, MAX_RESPONSE_BYTES_CEILING, MAX_RESPONSE_HEAD_BYTES } from "./EgressPool.ts"
import type { Connections, Target, Waiting } from "./EgressTarget.ts"

/** Total time of a call that names none, in milliseconds: waiting, connecting, sending and reading. */
export const DEFAULT_DEADLINE_MS = 5_000

/** Largest body of a call that names no limit, in bytes. */
export const DEFAULT_MAX_RESPONSE_BYTES = 4 * 1024 * 1024

/** Most calls that wait or run at one target. */
export const MAX_CALLS = 1_024

/** Longest path and query, in characters. */
export const MAX_PATH_LENGTH = 8_192

/** Most 1xx answers before the real one. */
export const MAX_INFORMATIONAL = 8

export interface EgressRequest {
  readonly target: Target
  readonly method: "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE"
  /** Begins with `/` and may have a query; the target's path prefix goes before it. */
  readonly path: string
  /** Lower-case names. Host, codings, hop-by-hop headers, cookies and credentials are refused. */
  readonly headers?: EgressHeaders.RequestHeaders
  /** Sent as `Authorization: Bearer …`, unwrapped where the header is written and nowhere else. */
  readonly bearer?: Redacted.Redacted<string>
  /** The same for peers that ask for a user and a password; not together with `bearer`. */
  readonly basic?: EgressHeaders.Basic
  readonly body?: string | Uint8Array
  /** Milliseconds; `DEFAULT_DEADLINE_MS` when absent. */
  readonly deadline_ms?: number
  /** Bytes, at most `MAX_RESPONSE_BYTES_CEILING`; `DEFAULT_MAX_RESPONSE_BYTES` when absent. */
  readonly max_response_bytes?: number
}

/**
 * A complete answer with a status of 200 to 299 or 400 to 599. Names are lower case; `set-cookie` is left out. A peer
 * that sends neither a length nor chunks ends its body by hanging up: only then is a cut body not told from a whole one.
 */
export interface EgressResponse {
  readonly status: number
  readonly headers: Readonly<Record<string, string | Array<string> | undefined>>
  readonly body: Uint8Array
}

const PATH = /^\/[\x21-\x22\x24-\x7e]*$/

/** A peer may resolve `..` itself, which would leave the target's path prefix. */
const DOT_SEGMENT = /\/(?:\.|%2e){1,2}(?:[/?\\]|$)/i

/** Whether a path may be sent: printable ASCII, no fragment, no dot segment. */
export const isPath = (path: string): boolean =>
  path.length <= MAX_PATH_LENGTH &&
  PATH.test(path) &&
  !(path.includes("/.") || path.includes("%2") ? DOT_SEGMENT.test(path) : false)

const reasons: { readonly [code: string]: EgressReason } = {
  UND_ERR_CONNECT_TIMEOUT: { _tag: "connect_timeout" },
  UND_ERR_HEADERS_TIMEOUT: { _tag: "headers_timeout" },
  UND_ERR_BODY_TIMEOUT: { _tag: "body_idle" },
  UND_ERR_HEADERS_OVERFLOW: { _tag: "too_large", limit: MAX_RESPONSE_HEAD_BYTES },
  UND_ERR_RES_EXCEEDED_MAX_SIZE: { _tag: "too_large", limit: MAX_RESPONSE_BYTES_CEILING },
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: { _tag: "reset" },
  UND_ERR_DESTROYED: { _tag: "closed" },
  UND_ERR_CLOSED: { _tag: "closed" },
  HPE_INVALID_EOF_STATE: { _tag: "reset" },
  ECONNRESET: { _tag: "reset" },
  ECONNABORTED: { _tag: "reset" },
  EPIPE: { _tag: "reset" },
  ETIMEDOUT: { _tag: "reset" }
}

const reasonOf = (error: Error): EgressReason => {
  const code = codeOf(error) ?? ""
  const known = reasons[code]
  if (known !== undefined) return known
  if (error instanceof errors.HTTPParserError) return { _tag: "protocol" }
  // undici has one code for a peer that hung up and for one that answered out of turn.
  if (code === "UND_ERR_SOCKET") return { _tag: error.message.startsWith("bad ") ? "protocol" : "reset" }
  return { _tag: "internal" }
}

const EMPTY = new Uint8Array(0)

/** The state of one call; undici calls the `on…` members, in this order, on the event loop. */
class Exchange extends Listed implements Dispatcher.DispatchHandler, Expirable, Waiting {
  expires_at = 0
  private readonly options: Dispatcher.DispatchOptions
  private readonly connections: Connections
  private readonly limit: number
  private readonly resume: (effect: Effect.Effect<EgressResponse, EgressFailure>) => void
  private controller: Dispatcher.DispatchController | undefined
  /** Bytes of the request may have left. */
  private sent = false
  private abandoned = false
  private status = 0
  private headers: EgressResponse["headers"] = {}
  private informational = 0
  private size = 0
  private chunks: Array<Uint8Array> | undefined
  private first: Uint8Array | undefined

  constructor(
    connections: Connections,
    options: Dispatcher.DispatchOptions,
    limit: number,
    resume: (effect: Effect.Effect<EgressResponse, EgressFailure>) => void
  ) {
    super()
    this.connections = connections
    this.options = options
    this.limit = limit
    this.resume = resume
  }

  /** Takes a connection, or waits for one. */
  begin(): void {
    if (this.connections.running < MAX_CONNECTIONS) this.start()
    else this.connections.waiting.add(this)
  }

  start(): void {
    this.connections.running++
    this.connections.pool.dispatch(this.options, this)
  }

  close(): void {
    this.resume(Effect.fail(failure({ _tag: "closed" }, false)))
    this.abandon()
  }

  expire(): void {
    this.resume(Effect.fail(failure({ _tag: "deadline" }, this.sent)))
    this.abandon()
  }

  /** Nobody waits for the answer any more: leaves the queue, or ends the connection. */
  abandon(): void {
    this.connections.deadlines.remove(this)
    if (this.connections.waiting.delete(this)) return
    this.abandoned = true
    this.controller?.abort(failure({ _tag: "closed" }, this.sent))
  }

  private settle(answer: Effect.Effect<EgressResponse, EgressFailure>): void {
    this.connections.running--
    this.connections.deadlines.remove(this)
    for (const next of this.connections.waiting) {
      this.connections.waiting.delete(next)
      next.start()
      break
    }
    this.resume(answer)
  }

  private refuse(controller: Dispatcher.DispatchController, reason: EgressReason): void {
    controller.abort(failure(reason, true))
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    // Abandoned while it connected. Aborting would destroy the new connection; throwing only gives it back.
    if (this.abandoned) throw failure({ _tag: "closed" }, false)
    this.controller = controller
    this.sent = true
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | Array<string> | undefined>
  ): void {
    if (status < 200) {
      if (++this.informational > MAX_INFORMATIONAL) this.refuse(controller, { _tag: "protocol" })
      return
    }
    if (status >= 300 && status < 400) return this.refuse(controller, { _tag: "redirect", status })
    if (status >= 600) return this.refuse(controller, { _tag: "protocol" })
    if (isEncoded(headers)) return this.refuse(controller, { _tag: "encoded" })
    if (Number(headers["content-length"] ?? 0) > this.limit) {
      return this.refuse(controller, { _tag: "too_large", limit: this.limit })
    }
    if (headers["set-cookie"] !== undefined) delete headers["set-cookie"]
    this.status = status
    this.headers = headers
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Uint8Array): void {
    this.size += chunk.length
    if (this.size > this.limit) return this.refuse(controller, { _tag: "too_large", limit: this.limit })
    if (this.first === undefined) this.first = chunk
    else if (this.chunks === undefined) this.chunks = [this.first, chunk]
    else this.chunks.push(chunk)
  }

  onResponseEnd(): void {
    const body = this.chunks === undefined ? (this.first ?? EMPTY) : Buffer.concat(this.chunks, this.size)
    this.settle(Effect.succeed({ status: this.status, headers: this.headers, body }))
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.first = undefined
    this.chunks = undefined
    this.settle(Effect.fail(this.describe(error)))
  }

  /** A failure of the pool as a whole does not know how far this call was. */
  private describe(error: Error): EgressFailure {
    if (!(error instanceof EgressFailure)) return failure(reasonOf(error), this.sent, error)
    return error.sent === this.sent ? error : failure(error.reason, this.sent, error)
  }
}

/** Whether an answer has a coding; the request accepted none. */
export const isEncoded = (headers: Record<string, string | Array<string> | undefined>): boolean => {
  const content = headers["content-encoding"]
  if (content !== undefined && content !== "identity" && content !== "") return true
  const transfer = headers["transfer-encoding"]
  return transfer !== undefined && (typeof transfer !== "string" || transfer.toLowerCase() !== "chunked")
}

/** Sends one request and collects its answer. See `EgressClient.request`. */
export const exchange = (request: EgressRequest): Effect.Effect<EgressResponse, EgressFailure> =>
  Effect.callback((resume) => {
    const connections = Redacted.value(request.target.connections)
    if (!isPath(request.path)) return resume(Effect.fail(failure({ _tag: "path_invalid" }, false)))
    if (connections.running + connections.waiting.size >= MAX_CALLS) {
      return resume(Effect.fail(failure({ _tag: "saturated", limit: MAX_CALLS }, false)))
    }
    const headers = EgressHeaders.write(request.headers, request.bearer, request.basic)
    if (headers instanceof EgressFailure) return resume(Effect.fail(headers))
    const call = new Exchange(
      connections,
      {
        method: request.method,
        path: Redacted.value(request.target.peer).base_path + request.path,
        headers,
        body: request.body ?? null
      },
      Math.min(request.max_response_bytes ?? DEFAULT_MAX_RESPONSE_BYTES, MAX_RESPONSE_BYTES_CEILING),
      resume
    )
    connections.deadlines.add(call, request.deadline_ms ?? DEFAULT_DEADLINE_MS)
    call.begin()
    return Effect.sync(() => call.abandon())
  })
