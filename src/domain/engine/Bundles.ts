/** The config bundles that a runtime holds, and what is checked before a worker is created from one. */
import { Effect, Semaphore } from "effect"
import { type ConfigBundle, type ConfigBundleSummary, digest, summary } from "../ConfigBundle.ts"
import * as Problem from "../Problem.ts"
import * as Profile from "../Profile.ts"
import type { BundleAvailability } from "../RuntimeSource.ts"
import type { ConfigBundleReference } from "../Worker.ts"
import type { WorkerExecutor } from "../WorkerExecutor.ts"
import type { WorkerStore } from "../WorkerStore.ts"

/** Bundles held at once. */
export const maxBundles = 1_000

const availability = (bundle: ConfigBundle): BundleAvailability => ({
  reference: { id: bundle.id, digest: bundle.digest },
  summary: summary(bundle)
})

export const make = (
  store: WorkerStore["Service"],
  executor: WorkerExecutor["Service"],
  found: ReadonlyArray<ConfigBundle>
) => {
  const bundles = new Map(found.map((bundle) => [bundle.id, bundle]))
  /** One bundle is stored at a time, so that two of one id cannot end up differently in the store and here. */
  const lock = Semaphore.makeUnsafe(1)

  const find = Effect.fnUntraced(function* (id: string, wanted: string | undefined) {
    const bundle = bundles.get(id)
    if (bundle === undefined) return yield* Problem.make("config_bundle_missing")
    if (wanted !== undefined && wanted !== bundle.digest) return yield* Problem.make("config_bundle_digest_mismatch")
    return bundle
  })

  const keep = Effect.fnUntraced(function* (bundle: ConfigBundle) {
    if (!bundles.has(bundle.id) && bundles.size >= maxBundles) {
      return yield* Problem.make("config_bundle_limit_reached", undefined, { max: maxBundles })
    }
    yield* store.putBundle(bundle)
    bundles.set(bundle.id, bundle)
    return availability(bundle)
  })

  return {
    list: Effect.sync((): ReadonlyArray<ConfigBundleSummary> => Array.from(bundles.values(), summary)),

    availability: (id: string, wanted: string | undefined) => Effect.map(find(id, wanted), availability),

    put: Effect.fnUntraced(function* (bundle: ConfigBundle) {
      if ((yield* digest(bundle)) !== bundle.digest) return yield* Problem.make("config_bundle_digest_mismatch")
      const errors = bundle.declarations.flatMap((declaration, index) =>
        executor.declarationKinds.has(declaration.kind)
          ? []
          : [{ pointer: `/bundle/declarations/${index}/kind`, code: "unsupported" }]
      )
      if (errors.length > 0) return yield* Problem.make("unsupported_config_declaration", undefined, { errors })
      return yield* lock.withPermit(Effect.uninterruptible(keep(bundle)))
    }),

    /** Fails unless the bundle is there, is the one that is meant, and declares the profile. */
    check: Effect.fnUntraced(function* (reference: ConfigBundleReference, selector: Profile.ProfileSelector) {
      const bundle = yield* find(reference.id, reference.digest)
      if (!bundle.profiles.some((profile) => Profile.equals(profile.selector, selector))) {
        return yield* Problem.make("invalid_profile_selector", "The config bundle does not declare this profile.")
      }
    })
  }
}
