/** The runtime that is verified: plain calls of its API over the guarded client, and its event streams. */
import { Effect, Option, Queue, type Redacted, type Scope } from "effect"
import { EgressClient, type EgressResponse } from "../../../adapters/egress/EgressClient.ts"
import type { EgressFailure } from "../../../adapters/egress/EgressFailure.ts"
import * as EgressSocket from "../../../adapters/egress/EgressSocket.ts"
import type { UpgradeRefused } from "../../../adapters/egress/SocketHandshake.ts"
import * as Json from "../../../adapters/remote-http/Json.ts"
import { subprotocol } from "../../../adapters/remote-http/RemoteStream.ts"

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

export interface Provider {
  readonly url: string
  readonly token: Redacted.Redacted | undefined
  readonly send: (asked: Asked) => Effect.Effect<Answer, EgressFailure>
  /** Opens a worker's event stream. Frames come one by one; the queue ends when the runtime closes it. */
  readonly frames: (
    worker_id: string,
    cursor: string | undefined
  ) => Effect.Effect<
    Queue.Dequeue<string, EgressFailure | EgressSocket.SocketClosed>,
    EgressFailure | UpgradeRefused,
    Scope.Scope
  >
}

export const make = Effect.fnUntraced(function* (url: string, token: Redacted.Redacted | undefined) {
  const client = yield* EgressClient
  const target = yield* client.target(url)
  const credentials = token === undefined ? undefined : { bearer: token }

  const send = Effect.fnUntraced(function* ({ bearer, body, headers, method, path }: Asked) {
    const answer = yield* client.request({
      target,
      method,
      path,
      headers: { accept: "application/json", ...headers },
      deadline_ms: deadlineMs,
      ...(bearer === undefined ? credentials : { bearer }),
      ...(body === undefined ? undefined : { body })
    })
    return { status: answer.status, headers: answer.headers, json: Option.getOrUndefined(Json.parse(answer.body)) }
  })

  const frames = Effect.fnUntraced(function* (worker_id: string, cursor: string | undefined) {
    const query = cursor === undefined ? "" : `?cursor=${encodeURIComponent(cursor)}`
    const socket = yield* EgressSocket.open(target, {
      path: `/v1/workers/${encodeURIComponent(worker_id)}/events/ws${query}`,
      protocols: [subprotocol],
      ...credentials
    })
    const queue = yield* Queue.unbounded<string, EgressFailure | EgressSocket.SocketClosed>()
    yield* socket.take.pipe(
      Effect.flatMap((texts) => Queue.offerAll(queue, texts)),
      Effect.forever,
      Effect.catch((ended) => Queue.fail(queue, ended)),
      Effect.forkScoped
    )
    return queue
  })

  return { url: url.replace(/\/+$/, ""), token, send, frames } satisfies Provider
})
