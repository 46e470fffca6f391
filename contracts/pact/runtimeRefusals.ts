/** What a worker-runtime refuses besides: requests of which one member is wrong, and paths and methods that are not its own. */
import { Effect } from "effect"
import * as Digest from "effect/crypto/Digest"
import assert from "node:assert/strict"
import { bundle } from "../../src/app/cli/contract/StateBundle.ts"
import { digest } from "../../src/domain/ConfigBundle.ts"
import { type Case, type Exchange, httpCase } from "./Case.ts"
import { fromState, pathOf } from "./matchers.ts"
import { asked, authorization, between, echo, id, ofWorker, options, refused, token } from "./runtimeCall.ts"

const creating = { given: "a runtime", method: "POST", path: "/v1/workers", keyed: true } as const
const otherDigest = "f".repeat(64)
const noBundle = { id: "no-such-bundle", digest: otherDigest }

const declaring = { ...bundle, declarations: [{ kind: "no-such-kind", name: "x", reference: "y" }] }
const undeclarable = {
  ...declaring,
  digest: await Effect.runPromise(Effect.provide(digest(declaring), Digest.layerWebCrypto))
}

const members: ReadonlyArray<Case> = [
  asked(
    {
      ...creating,
      name: "a new worker whose initial input is not a user's",
      body: { initial_input: { kind: "system", content: "hello" } },
      ...refused(400, "invalid_initial_input_kind")
    },
    (it) => it.create({ initial_input: { kind: "system", content: "hello" } }, options),
    "invalid_initial_input_kind"
  ),
  asked(
    {
      ...creating,
      given: "a runtime with config_bundles",
      name: "a new worker from a config bundle that is not there",
      body: { config_bundle: noBundle },
      ...refused(404, "config_bundle_missing")
    },
    (it) => it.create({ config_bundle: noBundle }, options),
    "config_bundle_missing"
  ),
  asked(
    {
      ...creating,
      given: "an idle worker",
      name: "a new worker with an id that is taken",
      body: { worker_id: fromState("worker_id", id) },
      ...refused(409, "worker_id_taken")
    },
    (it) => it.create({ worker_id: id }, options),
    "worker_id_taken"
  ),
  asked(
    {
      given: "an idle worker",
      name: "input that is blank",
      method: "POST",
      path: ofWorker("/input"),
      keyed: true,
      body: { ...echo, content: " " },
      ...refused(400, "invalid_request")
    },
    (it) => it.input(id, { ...echo, content: " " }, options),
    "invalid_request"
  ),
  asked(
    {
      given: "a runtime",
      name: "a list without items",
      method: "GET",
      path: "/v1/workers",
      query: { limit: "0" },
      ...refused(400, "invalid_query")
    },
    (it) => it.list({ limit: 0 }),
    "invalid_query"
  ),
  asked(
    {
      given: "a runtime",
      name: "a list from a cursor that is none",
      method: "GET",
      path: "/v1/workers",
      query: { cursor: "nobody-is-called-so" },
      ...refused(400, "invalid_cursor")
    },
    (it) => it.list({ cursor: "nobody-is-called-so" }),
    "invalid_cursor"
  ),
  asked(
    {
      given: "a config bundle",
      name: "whether a config bundle is there with another digest",
      method: "GET",
      path: pathOf("/v1/config-bundles/${bundle_id}/availability", { bundle_id: bundle.id }),
      query: { digest: otherDigest },
      ...refused(400, "config_bundle_digest_mismatch")
    },
    (it) => it.bundleAvailability(bundle.id, otherDigest),
    "config_bundle_digest_mismatch",
    []
  ),
  asked(
    {
      given: "a runtime with config_bundles",
      name: "a config bundle that declares what the runtime does not know",
      method: "POST",
      path: "/v1/config-bundles",
      body: { bundle: undeclarable },
      ...refused(400, "unsupported_config_declaration")
    },
    (it) => it.putBundle(undeclarable),
    "unsupported_config_declaration"
  )
]

type Plain = Pick<Exchange, "given" | "name" | "method" | "status" | "answer"> & {
  readonly path: string
  /** Health is told to everybody. */
  readonly open?: true
}

/** What the backend never sends, and whoever looks after a runtime does. */
const plain = ({ open, ...it }: Plain): Case => {
  const headers = open === true ? undefined : { headers: { authorization } }
  return httpCase(between, [{ ...it, ...headers }], async (url) => {
    const said = await fetch(url + it.path, {
      method: it.method,
      ...(open === true ? undefined : { headers: { authorization: `Bearer ${token}` } })
    })
    assert.equal(said.status, it.status)
  })
}

const others: ReadonlyArray<Case> = [
  plain({
    given: "a runtime",
    name: "whether the runtime lives",
    method: "GET",
    path: "/livez",
    status: 200,
    open: true
  }),
  plain({
    given: "a runtime",
    name: "whether the runtime is ready",
    method: "GET",
    path: "/readyz",
    status: 200,
    open: true
  }),
  plain({
    given: "a runtime that is shutting down",
    name: "whether a runtime that shuts down is ready",
    method: "GET",
    path: "/readyz",
    open: true,
    ...refused(503, "runtime_unavailable")
  }),
  plain({
    given: "a runtime",
    name: "a path that is not the runtime's",
    method: "GET",
    path: "/v1/no-such-path",
    ...refused(404, "not_found")
  }),
  plain({
    given: "a runtime",
    name: "a method that a path does not have",
    method: "DELETE",
    path: "/v1/runtime",
    ...refused(405, "method_not_allowed")
  })
]

export const refusalCases: ReadonlyArray<Case> = [...members, ...others]
