/** What the backend asks of a worker-runtime: every route with its failures, asked by the backend's own remote source. */
import { Effect, Redacted } from "effect"
import assert from "node:assert/strict"
import * as RemoteSource from "../../src/adapters/remote-http/RemoteSource.ts"
import { DisplayName, IdempotencyKey, RuntimeId, WorkerId } from "../../src/domain/Identifiers.ts"
import { bundle } from "../../src/app/cli/contract/StateBundle.ts"
import type { RuntimeSource } from "../../src/domain/RuntimeSource.ts"
import type { Problem } from "../../src/domain/Problem.ts"
import { client } from "../egress/egressWorld.ts"
import { type Between, type Case, type Exchange, httpCase } from "./Case.ts"
import { freshKey, headerOf, matching, pathOf } from "./matchers.ts"
import * as shape from "./runtimeShapes.ts"

export const between: Between = { consumer: "workspace-backend", provider: "worker-runtime" }

/** Where a runtime asks for a token, this is the one that its tests take. */
export const token = "contract-token-0123456789"
const wrongToken = "not-the-token-of-this-runtime"

const authorization = matching("^Bearer .+$", `Bearer ${token}`)
const key = IdempotencyKey.make("0191d3a0-0000-4000-8000-000000000001")
const id = WorkerId.make(shape.workerId)

type Asked = Omit<Exchange, "headers"> & { readonly keyed?: boolean | "as before" }

const exchange = ({ body, keyed, ...it }: Asked): Exchange => ({
  ...it,
  headers: {
    authorization,
    ...(keyed === true ? { "idempotency-key": freshKey(key) } : undefined),
    ...(keyed === "as before" ? { "idempotency-key": headerOf("idempotency_key", "^[A-Za-z0-9-]+$", key) } : undefined)
  },
  ...(body === undefined ? undefined : { body })
})

const described = exchange({
  given: "a runtime",
  name: "what the runtime says of itself",
  method: "GET",
  path: "/v1/runtime",
  status: 200,
  answer: shape.runtime
})

type Source = RuntimeSource["Service"]
type Call = (source: Source) => Effect.Effect<unknown, Problem>

const alias = RuntimeId.make("alias-1")

const outcome = (url: string, bearer: string, call: Call) =>
  RemoteSource.make({
    id: alias,
    display_name: "Contract",
    endpoint: url,
    token: Effect.succeed(Redacted.make(bearer))
  }).pipe(
    Effect.flatMap((source) => Effect.match(call(source), { onSuccess: () => "ok", onFailure: ({ _tag }) => _tag })),
    Effect.scoped,
    Effect.provide(client()),
    Effect.runPromise
  )

/** @param then how the call ends in the backend: `ok` or the code of its problem */
const asked = (it: Asked, call: Call, then = "ok", first: ReadonlyArray<Exchange> = [described]): Case =>
  httpCase(between, [...first, exchange(it)], async (url) => {
    assert.equal(await outcome(url, token, call), then, it.name)
  })

const ofWorker = (rest = "") => pathOf(`/v1/workers/\${worker_id}${rest}`, { worker_id: shape.workerId })
const noWorker = WorkerId.make("worker-that-is-not-there")

const refused = (status: number, code: string) => ({ status, answer: shape.refusal(code) })

const echo = { kind: "user", content: "hello" } as const
const options = { idempotency_key: key }

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

const page = { method: "GET", path: ofWorker("/transcript") } as const

const transcriptCases: ReadonlyArray<Case> = [
  asked(
    {
      ...page,
      given: "a worker with a transcript",
      name: "a page of the transcript",
      query: { start: "0", limit: "1" },
      status: 200,
      answer: shape.transcript
    },
    (it) => it.transcript(id, { limit: 1 })
  ),
  asked(
    {
      ...page,
      given: "a worker with a transcript",
      name: "a page of the transcript without items",
      query: { start: "0", limit: "0" },
      ...refused(400, "invalid_query")
    },
    (it) => it.transcript(id, { limit: 0 }),
    "invalid_query"
  ),
  asked(
    {
      ...page,
      given: "an idle worker of a runtime with transcript pages of fewer than 256 items",
      name: "a page of the transcript that is too long",
      query: { start: "0", limit: "256" },
      ...refused(400, "limit_too_large")
    },
    (it) => it.transcript(id, { limit: 256 }),
    "limit_too_large"
  ),
  asked(
    {
      given: "a runtime",
      name: "the transcript of a worker that is not there",
      method: "GET",
      path: `/v1/workers/${noWorker}/transcript`,
      query: { start: "0", limit: "1" },
      ...refused(404, "worker_not_found")
    },
    (it) => it.transcript(noWorker, { limit: 1 }),
    "worker_not_found"
  )
]

const stored = "a config bundle"
const availabilityOf = (name: string) => `/v1/config-bundles/${name}/availability`

const bundleCases: ReadonlyArray<Case> = [
  asked(
    {
      given: stored,
      name: "the config bundles",
      method: "GET",
      path: "/v1/config-bundles",
      status: 200,
      answer: shape.bundles
    },
    (it) => it.bundles,
    "ok",
    []
  ),
  asked(
    {
      given: stored,
      name: "whether a config bundle is there",
      method: "GET",
      path: pathOf(availabilityOf("${bundle_id}"), { bundle_id: bundle.id }),
      status: 200,
      answer: shape.availability
    },
    (it) => it.bundleAvailability(bundle.id, undefined),
    "ok",
    []
  ),
  asked(
    {
      given: "a runtime",
      name: "a config bundle that is not there",
      method: "GET",
      path: availabilityOf("no-such-bundle"),
      ...refused(404, "config_bundle_missing")
    },
    (it) => it.bundleAvailability("no-such-bundle", undefined),
    "config_bundle_missing",
    []
  ),
  asked(
    {
      given: "a runtime",
      name: "a config bundle to keep",
      method: "POST",
      path: "/v1/config-bundles",
      body: { bundle },
      status: 200,
      answer: shape.availability
    },
    (it) => it.putBundle(bundle)
  ),
  asked(
    {
      given: "a runtime",
      name: "a config bundle with a digest that is not its own",
      method: "POST",
      path: "/v1/config-bundles",
      body: { bundle: { ...bundle, digest: "f".repeat(64) } },
      ...refused(400, "config_bundle_digest_mismatch")
    },
    (it) => it.putBundle({ ...bundle, digest: "f".repeat(64) }),
    "config_bundle_digest_mismatch"
  ),
  asked(
    {
      given: "a runtime without config_bundles",
      name: "config bundles where the runtime has none",
      method: "GET",
      path: "/v1/config-bundles",
      ...refused(501, "operation_unsupported")
    },
    (it) => it.bundles,
    "operation_unsupported",
    []
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
  ...transcriptCases,
  ...bundleCases
]
