/** The guarded reader of server-sent events: same check, same dial, same headers as a request; whole events, bounded. */
import type * as Arr from "effect/Array"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import { type IncomingMessage, request as requestOf } from "node:http"
import type { Socket } from "node:net"
import { dial, discard } from "./EgressDial.ts"
import { isEncoded, isPath } from "./EgressExchange.ts"
import { EgressFailure, failure } from "./EgressFailure.ts"
import * as EgressHeaders from "./EgressHeaders.ts"
import { MAX_RESPONSE_HEAD_BYTES } from "./EgressPool.ts"
import type { Address, Held } from "./EgressTarget.ts"
import { SocketInbox } from "./SocketInbox.ts"

/** Time for dialling and the response head, in milliseconds. */
export const OPEN_DEADLINE_MS = 5_000

/** The peer answered with an ordinary response. */
export class EventsRefused extends Data.TaggedError("EventsRefused")<{ readonly status: number }> {
  override get message(): string {
    return `The peer refused the event stream with status ${this.status}`
  }
}

export interface OpenOptions {
  readonly path: string
  readonly headers?: EgressHeaders.RequestHeaders
  readonly bearer?: Redacted.Redacted<string>
  readonly basic?: EgressHeaders.Basic
  /** UTF-16 units of one event. */
  readonly max_event_length: number
  /** Silence after which the peer is dead, in milliseconds. */
  readonly dead_after_ms: number
}

export interface EgressEvents {
  /** `data` of the events that have arrived, in order, at least one. While nobody takes, the peer is not read. */
  readonly take: Effect.Effect<Arr.NonEmptyArray<string>, EgressFailure>
}

const dataOf = (block: string): string | undefined => {
  const lines = block.split("\n").flatMap((line) => (line.startsWith("data:") ? [line.slice(5).replace(/^ /, "")] : []))
  return lines.length === 0 ? undefined : lines.join("\n")
}

const get = (address: Address, socket: Socket, { basic, bearer, headers, path }: OpenOptions) =>
  Effect.callback<IncomingMessage, EgressFailure | EventsRefused>((resume) => {
    if (!isPath(path)) return resume(Effect.fail(failure({ _tag: "path_invalid" }, false)))
    const written = EgressHeaders.write({ ...headers, accept: "text/event-stream" }, bearer, basic)
    if (written instanceof EgressFailure) return resume(Effect.fail(written))
    const { base_path, origin } = Redacted.value(address.peer)
    const sent = requestOf({
      createConnection: () => socket,
      path: `${base_path}${path}`,
      headers: { ...written, host: new URL(origin).host },
      setHost: false,
      maxHeaderSize: MAX_RESPONSE_HEAD_BYTES
    })
    sent.once("error", (cause) => resume(Effect.fail(failure({ _tag: "reset" }, true, cause))))
    sent.once("response", (response) => {
      const status = response.statusCode ?? 0
      if (status >= 300 && status < 400) return resume(Effect.fail(failure({ _tag: "redirect", status }, true)))
      if (status !== 200) return resume(Effect.fail(new EventsRefused({ status })))
      if (isEncoded(response.headers)) return resume(Effect.fail(failure({ _tag: "encoded" }, true)))
      const isEvents = /^text\/event-stream *(?:;|$)/i.test(response.headers["content-type"] ?? "")
      return resume(isEvents ? Effect.succeed(response) : Effect.fail(failure({ _tag: "protocol" }, true)))
    })
    sent.end()
  })

const read = (response: IncomingMessage, inbox: SocketInbox<EgressFailure>, { max_event_length }: OpenOptions) => {
  let rest = ""
  const end = (reason: EgressFailure) => {
    inbox.end(reason)
    response.destroy()
  }
  response.setEncoding("utf8").on("data", (text: string) => {
    const blocks = (rest + text.replaceAll("\r\n", "\n")).split("\n\n")
    rest = blocks.pop() ?? ""
    if (rest.length > max_event_length) return end(failure({ _tag: "too_large", limit: max_event_length }, true))
    for (const block of blocks) {
      const data = dataOf(block)
      if (data === undefined) continue
      if (data.length > max_event_length || !inbox.offer(data, data.length)) {
        return end(failure({ _tag: "too_large", limit: max_event_length }, true))
      }
    }
  })
  response.once("error", (cause) => inbox.end(failure({ _tag: "reset" }, true, cause)))
  response.once("close", () => inbox.end(failure({ _tag: "reset" }, true)))
}

/** Opens the stream; it closes with the scope. Fails with `EventsRefused` when the answer is no stream of events. */
export const open = Effect.fnUntraced(function* (
  address: Address,
  options: OpenOptions
): Effect.fn.Return<EgressEvents, EgressFailure | EventsRefused, Scope.Scope> {
  const held: Held = { socket: undefined }
  yield* Effect.addFinalizer(() => Effect.sync(() => (held.socket === undefined ? undefined : discard(held.socket))))
  const response = yield* dial(address, held).pipe(
    Effect.flatMap((socket) => get(address, socket, options)),
    Effect.timeoutOrElse({
      duration: OPEN_DEADLINE_MS,
      orElse: () => Effect.fail(failure({ _tag: "headers_timeout" }, true))
    })
  )
  const inbox = new SocketInbox<EgressFailure>({ pause: () => response.pause(), resume: () => response.resume() })
  read(response, inbox, options)
  held.socket?.setTimeout(options.dead_after_ms, () => {
    // A stream that is not being read is not silent.
    if (inbox.paused) return
    inbox.end(failure({ _tag: "body_idle" }, true))
    response.destroy()
  })
  return { take: inbox.take }
})
