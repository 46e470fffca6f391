/**
 * The two ways to a worker's event stream before its first frame: the upgrade that the backend asks for and how it is
 * refused, and server-sent events, which the backend leaves to scripts: those are asked for by a plain reader.
 */
import { Effect, Stream } from "effect"
import assert from "node:assert/strict"
import { type Case, httpCase } from "./Case.ts"
import { matching } from "./matchers.ts"
import {
  authorization,
  between,
  described,
  id,
  noWorker,
  ofWorker,
  outcome,
  refused,
  token,
  wrongToken
} from "./runtimeCall.ts"

/** What a client sends that wants a WebSocket. */
const handshake = {
  connection: "Upgrade",
  upgrade: "websocket",
  "sec-websocket-version": "13",
  "sec-websocket-key": matching("^[A-Za-z0-9+/]{22}==$", "Y29udHJhY3QtdmVyaWZ5IQ=="),
  "sec-websocket-protocol": "worker-events.v1"
}

const malformed = "no cursor at all"

interface Refused {
  readonly given: string
  readonly name: string
  readonly path: unknown
  readonly query?: Readonly<Record<string, string>>
  readonly status: number
  readonly code: string
}

const upgrades: ReadonlyArray<readonly [it: Refused, worker: typeof id, cursor: string | undefined, then: string]> = [
  [
    {
      given: "a runtime",
      name: "an event socket of a worker that is not there",
      path: `/v1/workers/${noWorker}/events/ws`,
      status: 404,
      code: "worker_not_found"
    },
    noWorker,
    undefined,
    "worker_not_found"
  ],
  [
    {
      given: "an idle worker",
      name: "an event socket from a cursor that is none",
      path: ofWorker("/events/ws"),
      query: { cursor: malformed },
      status: 400,
      code: "invalid_cursor"
    },
    id,
    malformed,
    "invalid_cursor"
  ],
  [
    {
      given: "a runtime that asks for a token",
      name: "an event socket with a token that is not the runtime's",
      path: `/v1/workers/${noWorker}/events/ws`,
      status: 401,
      code: "unauthorized"
    },
    noWorker,
    undefined,
    "runtime_auth_failed"
  ]
]

const upgradeCases = upgrades.map(([{ code, status, ...it }, worker, cursor, then]) => {
  const bearer = status === 401 ? wrongToken : token
  return httpCase(
    between,
    [
      described,
      {
        ...it,
        method: "GET",
        headers: { authorization: status === 401 ? `Bearer ${wrongToken}` : authorization, ...handshake },
        ...refused(status, code)
      }
    ],
    async (url) => {
      const asked = outcome(url, bearer, (source) => Stream.runDrain(Stream.take(source.events(worker, cursor), 1)))
      assert.equal(await asked, then, it.name)
    }
  )
})

/** What a script does that reads server-sent events, up to the first look at the answer. */
const plain = (url: string, path: string, cursor?: string) =>
  Effect.runPromise(
    Effect.tryPromise((signal) =>
      fetch(url + path, {
        signal,
        headers: {
          accept: "text/event-stream",
          authorization: `Bearer ${token}`,
          ...(cursor === undefined ? undefined : { "last-event-id": cursor })
        }
      }).then(async (response) => ({ status: response.status, said: await response.text() }))
    )
  )

const sse = { method: "GET", headers: { accept: "text/event-stream", authorization } } as const

const eventCases: ReadonlyArray<Case> = [
  httpCase(
    between,
    [
      {
        ...sse,
        given: "a stopped worker",
        name: "the events of a worker as server-sent events",
        path: ofWorker("/events"),
        status: 200,
        answerHeaders: { "content-type": matching("^text/event-stream.*$", "text/event-stream") }
      }
    ],
    async (url) => {
      assert.equal((await plain(url, `/v1/workers/${id}/events`)).status, 200)
    }
  ),
  httpCase(
    between,
    [
      {
        ...sse,
        given: "a runtime",
        name: "server-sent events of a worker that is not there",
        path: `/v1/workers/${noWorker}/events`,
        ...refused(404, "worker_not_found")
      }
    ],
    async (url) => {
      const { said, status } = await plain(url, `/v1/workers/${noWorker}/events`)
      assert.deepEqual([status, JSON.parse(said).error.code], [404, "worker_not_found"])
    }
  ),
  httpCase(
    between,
    [
      {
        ...sse,
        headers: { ...sse.headers, "last-event-id": malformed },
        given: "an idle worker",
        name: "server-sent events after an id that is none",
        path: ofWorker("/events"),
        ...refused(400, "invalid_cursor")
      }
    ],
    async (url) => {
      const { said, status } = await plain(url, `/v1/workers/${id}/events`, malformed)
      assert.deepEqual([status, JSON.parse(said).error.code], [400, "invalid_cursor"])
    }
  )
]

export const streamCases: ReadonlyArray<Case> = [...upgradeCases, ...eventCases]
