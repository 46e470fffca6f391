/** Config bundles: kept under their digest, and never taken for another. */
import { Effect } from "effect"
import { layerWebCrypto } from "effect/crypto/Digest"
import { type ConfigBundle, digest } from "../../ConfigBundle.ts"
import type { Bench } from "../Bench.ts"
import type { Case, Need } from "../Case.ts"
import { refused, same, that } from "../Expect.ts"

const needs: ReadonlyArray<Need> = ["config_bundles"]

const wrongDigest = "0".repeat(64)

/** Always under the same id, so that the kit leaves one bundle behind, however often it runs. */
const bundleOf = Effect.fnUntraced(
  function* (bench: Bench) {
    const profile = bench.subject.create?.profile ?? bench.described.profiles[0]?.selector
    const bundle: Omit<ConfigBundle, "digest"> = {
      id: "conformance",
      revision: yield* bench.word,
      workspace_id: "conformance",
      created_at: "2026-01-01T00:00:00Z",
      provenance: { source: "conformance" },
      profiles: profile === undefined ? [] : [{ selector: profile }],
      declarations: []
    }
    return { ...bundle, digest: yield* digest(bundle) }
  },
  Effect.orDie,
  Effect.provide(layerWebCrypto)
)

export const cases: ReadonlyArray<Case> = [
  {
    id: "bundles.kept",
    tier: undefined,
    needs,
    sentence: "A bundle that was sent is there, with its digest, and in the list.",
    run: Effect.fnUntraced(function* (bench) {
      const { source } = bench
      const bundle = yield* bundleOf(bench)
      const reference = { id: bundle.id, digest: bundle.digest }
      yield* same((yield* source.putBundle(bundle)).reference, reference, "Answer to the bundle")
      yield* same((yield* source.bundleAvailability(bundle.id, bundle.digest)).reference, reference, "Availability")
      const listed = (yield* source.bundles).filter((it) => it.id === bundle.id)
      yield* same(
        listed.map((it) => it.digest),
        [bundle.digest],
        "The bundle in the list"
      )
    })
  },
  {
    id: "bundles.digest",
    tier: undefined,
    needs,
    sentence: "A bundle whose digest is wrong is neither taken nor said to be there.",
    run: Effect.fnUntraced(function* (bench) {
      const { source } = bench
      const bundle = yield* bundleOf(bench)
      const code = "config_bundle_digest_mismatch"
      const put = source.putBundle({ ...bundle, digest: wrongDigest })
      yield* refused(source, put, { operation: "config_bundle.put" }, code)
      yield* source.putBundle(bundle)
      const asked = source.bundleAvailability(bundle.id, wrongDigest)
      yield* refused(source, asked, { operation: "config_bundle.availability" }, code)
    })
  },
  {
    id: "bundles.missing",
    tier: undefined,
    needs: [...needs, "workers.create"],
    sentence: "A bundle that is not there is said to be missing, also when a worker is to be made from it.",
    run: Effect.fnUntraced(function* (bench) {
      const { source } = bench
      const id = `missing-${yield* bench.word}`
      const code = "config_bundle_missing"
      const asked = source.bundleAvailability(id, undefined)
      yield* refused(source, asked, { operation: "config_bundle.availability" }, code)
      const create = bench.worker({ config_bundle: { id, digest: wrongDigest } })
      yield* refused(source, create, { operation: "worker.create" }, code)
    })
  },
  {
    id: "bundles.used",
    tier: undefined,
    needs: [...needs, "workers.create"],
    sentence: "A worker that is made from a bundle says so.",
    run: Effect.fnUntraced(function* (bench) {
      const bundle = yield* bundleOf(bench)
      const reference = { id: bundle.id, digest: bundle.digest }
      yield* bench.source.putBundle(bundle)
      const [profile] = bundle.profiles
      yield* that(profile !== undefined, "The runtime names no profile")
      const worker = yield* bench.worker({ config_bundle: reference, profile: profile!.selector })
      yield* same(worker.config_bundle, reference, "config_bundle of the worker")
    })
  }
]
