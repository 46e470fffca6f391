/** What the backend asks of a worker-runtime and its workers, each with its failures, asked by its own remote source. */
import { Effect } from "effect"
import assert from "node:assert/strict"
import { DisplayName, type WorkerId } from "../../src/domain/Identifiers.ts"
import { type Case, httpCase } from "./Case.ts"
import { fromState, matching } from "./matchers.ts"
import {
  asked,
  between,
  type Call,
  described,
  echo,
  id,
  noWorker,
  ofWorker,
  options,
  outcome,
  refused,
  token,
  wrongToken
} from "./runtimeCall.ts"
import * as shape from "./runtimeShapes.ts"

const list = { given: "an idle worker", method: "GET", path: "/v1/workers" } as const
const creating = { given: "a runtime", method: "POST", path: "/v1/workers", keyed: true } as const

const runtimeCases: ReadonlyArray<Case> = [
  httpCase(between, [described], async (url) => {
    assert.equal(await outcome(url, token, (it) => it.describe), "ok")
  }),
  httpCase(
    between,
    [
      {
        given: "a runtime that asks for a token",
        name: "a call with a token that is not the runtime's",
        method: "GET",
        path: "/v1/runtime",
        headers: { authorization: `Bearer ${wrongToken}` },
        ...refused(401, "unauthorized")
      }
    ],
    async (url) => {
      assert.equal(await outcome(url, wrongToken, (it) => it.describe), "runtime_auth_failed")
    }
  )
]

const workerCases: ReadonlyArray<Case> = [
  asked({ ...list, name: "the list of workers", status: 200, answer: shape.workers }, (it) => it.list({})),
  asked(
    { ...list, name: "a list that is too long", query: { limit: "100000" }, ...refused(400, "limit_too_large") },
    (it) => it.list({ limit: 100_000 }),
    "limit_too_large"
  ),
  asked({ ...creating, name: "a new worker", body: {}, status: 200, answer: shape.idleWorker }, (it) =>
    it.create({}, options)
  ),
  asked(
    {
      ...creating,
      name: "a new worker with a profile that the runtime does not have",
      body: { profile: { kind: "named", value: "no-such-profile" } },
      ...refused(400, "invalid_profile_selector")
    },
    (it) => it.create({ profile: { kind: "named", value: "no-such-profile" } }, options),
    "invalid_profile_selector"
  ),
  asked(
    {
      ...creating,
      given: "a runtime that is shutting down",
      name: "a new worker while the runtime shuts down",
      body: {},
      ...refused(503, "runtime_unavailable")
    },
    (it) => it.create({}, options),
    "runtime_unavailable"
  ),
  asked(
    { given: "an idle worker", name: "one worker", method: "GET", path: ofWorker(), status: 200, answer: shape.worker },
    (it) => it.get(id),
    "ok",
    []
  ),
  asked(
    {
      given: "a runtime",
      name: "a worker that is not there",
      method: "GET",
      path: `/v1/workers/${noWorker}`,
      ...refused(404, "worker_not_found")
    },
    (it) => it.get(noWorker),
    "worker_not_found",
    []
  )
]

const command = (verb: "input" | "stop" | "cancel") => {
  const call =
    (worker: WorkerId): Call =>
    (it) =>
      verb === "input" ? it.input(worker, echo, options) : it[verb](worker, undefined, options)
  const sent = { method: "POST", keyed: true, ...(verb === "input" ? { body: echo } : undefined) } as const
  const ended = verb === "stop" ? "stopped" : "cancelled"
  return [
    asked(
      {
        ...sent,
        given: "an idle worker",
        name: `${verb} of an idle worker`,
        path: ofWorker(`/${verb}`),
        status: 200,
        answer: verb === "input" ? shape.inputAck : shape.ack(ended)
      },
      call(id)
    ),
    asked(
      {
        ...sent,
        given: "a runtime",
        name: `${verb} of a worker that is not there`,
        path: `/v1/workers/${noWorker}/${verb}`,
        ...refused(404, "worker_not_found")
      },
      call(noWorker),
      "worker_not_found"
    ),
    asked(
      {
        ...sent,
        given: `a runtime without workers.${verb}`,
        name: `${verb} where the runtime cannot do it`,
        path: ofWorker(`/${verb}`),
        ...refused(501, "operation_unsupported")
      },
      call(id),
      "operation_unsupported"
    )
  ]
}

const again = {
  given: "a worker that was created with a key",
  method: "POST",
  path: "/v1/workers",
  keyed: "as before"
} as const

const keyCases: ReadonlyArray<Case> = [
  asked(
    {
      ...again,
      name: "the same new worker again with its key",
      body: { display_name: "Keyed" },
      status: 200,
      answer: shape.worker,
      answerHeaders: { "idempotent-replayed": "true" }
    },
    (it) =>
      Effect.tap(it.create({ display_name: DisplayName.make("Keyed") }, options), ({ replayed }) =>
        Effect.sync(() => assert.equal(replayed, true))
      )
  ),
  asked(
    {
      ...again,
      name: "another new worker with a key that is taken",
      body: { display_name: "Another" },
      ...refused(422, "idempotency_key_reused")
    },
    (it) => it.create({ display_name: DisplayName.make("Another") }, options),
    "idempotency_key_reused"
  )
]

const busyCases: ReadonlyArray<Case> = [
  asked(
    {
      given: "a busy worker",
      name: "input of a worker that is busy",
      method: "POST",
      path: ofWorker("/input"),
      keyed: true,
      body: echo,
      ...refused(409, "worker_busy")
    },
    (it) => it.input(id, echo, options),
    "worker_busy"
  ),
  asked(
    {
      given: "a stopped worker",
      name: "input of a worker that has been stopped",
      method: "POST",
      path: ofWorker("/input"),
      keyed: true,
      body: echo,
      ...refused(409, "worker_not_running")
    },
    (it) => it.input(id, echo, options),
    "worker_not_running"
  ),
  asked(
    {
      given: "a runtime that is shutting down",
      name: "input while the runtime shuts down",
      method: "POST",
      path: ofWorker("/input"),
      keyed: true,
      body: echo,
      ...refused(503, "runtime_unavailable")
    },
    (it) => it.input(id, echo, options),
    "runtime_unavailable"
  )
]

const commandFailures: ReadonlyArray<Case> = [
  asked(
    {
      given: "a new worker that is still being made for its key",
      name: "the same new worker again before it is there",
      method: "POST",
      path: "/v1/workers",
      keyed: "as before",
      body: { display_name: "Keyed" },
      answerHeaders: { "retry-after": matching("^[1-9][0-9]*$", "1") },
      ...refused(409, "idempotency_in_flight")
    },
    (it) => it.create({ display_name: DisplayName.make("Keyed") }, options),
    "idempotency_in_flight"
  ),
  asked(
    {
      given: "an idle worker and an input that is larger than it may be",
      name: "input that is too large",
      method: "POST",
      path: ofWorker("/input"),
      keyed: true,
      body: { kind: "user", content: fromState("content", "hello") },
      ...refused(413, "payload_too_large")
    },
    (it) => it.input(id, echo, options),
    "payload_too_large"
  )
]

export const cases: ReadonlyArray<Case> = [
  ...runtimeCases,
  ...workerCases,
  ...command("input"),
  ...command("stop"),
  ...command("cancel"),
  ...keyCases,
  ...busyCases,
  ...commandFailures
]
