/** How the backend's own remote source asks, and what is recorded of it. */
import { Effect, Redacted } from "effect"
import assert from "node:assert/strict"
import * as RemoteSource from "../../src/adapters/remote-http/RemoteSource.ts"
import { IdempotencyKey, RuntimeId, WorkerId } from "../../src/domain/Identifiers.ts"
import type { RuntimeSource } from "../../src/domain/RuntimeSource.ts"
import type { Problem } from "../../src/domain/Problem.ts"
import { client } from "../egress/egressWorld.ts"
import { type Between, type Case, type Exchange, httpCase } from "./Case.ts"
import { freshKey, headerOf, matching, pathOf } from "./matchers.ts"
import * as shape from "./runtimeShapes.ts"

export const between: Between = { consumer: "workspace-backend", provider: "worker-runtime" }

/** Where a runtime asks for a token, this is the one that its tests take. */
export const token = "contract-token-0123456789"
export const wrongToken = "not-the-token-of-this-runtime"

export const authorization = matching("^Bearer .+$", `Bearer ${token}`)
export const key = IdempotencyKey.make("0191d3a0-0000-4000-8000-000000000001")
export const id = WorkerId.make(shape.workerId)

export type Asked = Omit<Exchange, "headers"> & { readonly keyed?: boolean | "as before" }

export const exchange = ({ body, keyed, ...it }: Asked): Exchange => ({
  ...it,
  headers: {
    authorization,
    ...(keyed === true ? { "idempotency-key": freshKey(key) } : undefined),
    ...(keyed === "as before" ? { "idempotency-key": headerOf("idempotency_key", "^[A-Za-z0-9-]+$", key) } : undefined)
  },
  ...(body === undefined ? undefined : { body })
})

export const described = exchange({
  given: "a runtime",
  name: "what the runtime says of itself",
  method: "GET",
  path: "/v1/runtime",
  status: 200,
  answer: shape.runtime
})

export type Source = RuntimeSource["Service"]
export type Call = (source: Source) => Effect.Effect<unknown, Problem>

const alias = RuntimeId.make("alias-1")

export const outcome = (url: string, bearer: string, call: Call) =>
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
export const asked = (it: Asked, call: Call, then = "ok", first: ReadonlyArray<Exchange> = [described]): Case =>
  httpCase(between, [...first, exchange(it)], async (url) => {
    assert.equal(await outcome(url, token, call), then, it.name)
  })

/** What the states name, as the consumer's tests use it. */
const names = { worker_id: shape.workerId, input_id: shape.inputId, permission_id: shape.permissionId }

export const ofWorker = (rest = "") => pathOf(`/v1/workers/\${worker_id}${rest}`, names)
export const noWorker = WorkerId.make("worker-that-is-not-there")

export const refused = (status: number, code: string) => ({ status, answer: shape.refusal(code) })

export const echo = { kind: "user", content: "hello" } as const
export const options = { idempotency_key: key }
