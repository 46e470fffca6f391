/** The runtime that is verified: plain calls of its API over the guarded client, and its event streams. */
import { Effect, Option, Queue, Redacted, type Scope } from "effect"
import { EgressClient, type EgressResponse } from "../../../adapters/egress/EgressClient.ts"
import type { EgressFailure } from "../../../adapters/egress/EgressFailure.ts"
import * as EgressSocket from "../../../adapters/egress/EgressSocket.ts"
import type { UpgradeRefused } from "../../../adapters/egress/SocketHandshake.ts"
import * as Json from "../../../adapters/remote-http/Json.ts"
import { subprotocol } from "../../../adapters/remote-http/RemoteStream.ts"
import * as EventMessages from "./EventMessages.ts"

/** Time of one call, in milliseconds: twice what the backend grants, so that a slow runtime fails by its answers. */
export const deadlineMs = 10_000

export interface Asked {
  readonly method: "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE"
  /** Encoded, with its query. */
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  /** Instead of the runtime's own token. */
  readonly bearer?: Redacted.Redacted
}

export interface Answer {
  readonly status: number
  readonly headers: EgressResponse["headers"]
  /** Undefined when the body is not JSON. */
  readonly json: unknown
}

/** An event stream that is open. */
export interface Watched {
  /** Frames, one by one. Fails when the runtime closes the stream. */
  readonly take: Effect.Effect<string, EgressFailure | EgressSocket.SocketClosed>
  readonly say: (text: string) => Effect.Effect<void, EgressFailure>
}

export interface Provider {
  readonly url: string
  readonly token: Redacted.Redacted | undefined
  readonly send: (asked: Asked) => Effect.Effect<Answer, EgressFailure>
  /** Asks for an upgrade that is to be refused. Headers are not told of a refusal; 101 when it is none. */
  readonly upgrade: (asked: Pick<Asked, "path" | "bearer">) => Effect.Effect<Omit<Answer, "headers">, EgressFailure>
  readonly watch: (
    worker_id: string,
    cursor: string | undefined
  ) => Effect.Effect<Watched, EgressFailure | UpgradeRefused, Scope.Scope>
  /** All of a stream of server-sent events that ends by itself. */
  readonly messages: (worker_id: string) => Effect.Effect<ReadonlyArray<EventMessages.EventMessage>, EgressFailure>
}

const pathOf = (worker_id: string, rest: string) => `/v1/workers/${encodeURIComponent(worker_id)}${rest}`

export const make = Effect.fnUntraced(function* (url: string, token: Redacted.Redacted | undefined) {
  const client = yield* EgressClient
  const target = yield* client.target(url)
  const credentials = token === undefined ? undefined : { bearer: token }

  const exchange = ({ bearer, body, headers, method, path }: Asked) =>
    client.request({
      target,
      method,
      path,
      headers: { accept: "application/json", ...headers },
      deadline_ms: deadlineMs,
      ...(bearer === undefined ? credentials : { bearer }),
      ...(body === undefined ? undefined : { body })
    })

  const send = (asked: Asked) =>
    Effect.map(exchange(asked), ({ body, headers, status }) => ({
      status,
      headers,
      json: Option.getOrUndefined(Json.parse(body))
    }))

  const open = (path: string, bearer: Redacted.Redacted | undefined) =>
    EgressSocket.open(target, {
      path,
      protocols: [subprotocol],
      ...(bearer === undefined ? credentials : { bearer })
    })

  const upgrade: Provider["upgrade"] = ({ bearer, path }) =>
    Effect.scoped(open(path, bearer)).pipe(
      Effect.as({ status: 101, json: undefined }),
      Effect.catchTag("UpgradeRefused", ({ body, status }) =>
        Effect.succeed({ status, json: Option.getOrUndefined(Json.parse(Redacted.value(body))) })
      )
    )

  const watch = Effect.fnUntraced(function* (worker_id: string, cursor: string | undefined) {
    const query = cursor === undefined ? "" : `?cursor=${encodeURIComponent(cursor)}`
    const socket = yield* open(pathOf(worker_id, `/events/ws${query}`), undefined)
    const queue = yield* Queue.unbounded<string, EgressFailure | EgressSocket.SocketClosed>()
    yield* socket.take.pipe(
      Effect.flatMap((texts) => Queue.offerAll(queue, texts)),
      Effect.forever,
      Effect.catch((ended) => Queue.fail(queue, ended)),
      Effect.forkScoped
    )
    return { take: Queue.take(queue), say: socket.send } satisfies Watched
  })

  const messages = (worker_id: string) =>
    Effect.map(
      exchange({ method: "GET", path: pathOf(worker_id, "/events"), headers: { accept: "text/event-stream" } }),
      ({ body }) => EventMessages.parse(new TextDecoder().decode(body))
    )

  return { url: url.replace(/\/+$/, ""), token, send, upgrade, watch, messages } satisfies Provider
})
