/** What the backend reads of a worker-runtime in pages and bundles, each with its failures. */
import { bundle } from "../../src/app/cli/contract/StateBundle.ts"
import type { Case } from "./Case.ts"
import { pathOf } from "./matchers.ts"
import { asked, id, noWorker, ofWorker, refused } from "./runtimeCall.ts"
import * as shape from "./runtimeShapes.ts"

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

export const readCases: ReadonlyArray<Case> = [...transcriptCases, ...bundleCases]
