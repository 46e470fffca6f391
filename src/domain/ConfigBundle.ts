/** Config bundles: a named, digested set of profiles and declarations that workers are created from. */
import { Effect, Schema } from "effect"
import { Digest, sha256 } from "effect/crypto/Digest"
import { ProfileSelector, format } from "./Profile.ts"

const short = Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(200))

export const ConfigBundle = Schema.Struct({
  id: short,
  revision: short,
  workspace_id: short,
  created_at: short,
  provenance: Schema.Struct({ source: short, detail: Schema.optionalKey(Schema.NullOr(Schema.String)) }),
  profiles: Schema.Array(
    Schema.Struct({ selector: ProfileSelector, label: Schema.optionalKey(Schema.NullOr(Schema.String)) })
  ).check(Schema.isMaxLength(256)),
  declarations: Schema.Array(Schema.Struct({ kind: short, name: short, reference: Schema.String })).check(
    Schema.isMaxLength(256)
  ),
  digest: Schema.String.check(Schema.isPattern(/^[0-9a-f]{64}$/))
})
export type ConfigBundle = typeof ConfigBundle.Type

export const ConfigBundleSummary = Schema.Struct({
  id: Schema.String,
  digest: Schema.String,
  revision: Schema.String,
  workspace_id: Schema.String,
  created_at: Schema.String,
  profile_count: Schema.Int,
  declaration_count: Schema.Int
})
export type ConfigBundleSummary = typeof ConfigBundleSummary.Type

export const summary = (bundle: ConfigBundle): ConfigBundleSummary => ({
  id: bundle.id,
  digest: bundle.digest,
  revision: bundle.revision,
  workspace_id: bundle.workspace_id,
  created_at: bundle.created_at,
  profile_count: bundle.profiles.length,
  declaration_count: bundle.declarations.length
})

/** The order of UTF-8 bytes, which is what other languages sort strings by; JavaScript's own is that of UTF-16 units. */
const byCodePoint = (a: string, b: string): number => {
  const left = Array.from(a, (char) => char.codePointAt(0)!)
  const right = Array.from(b, (char) => char.codePointAt(0)!)
  for (let i = 0; i < left.length && i < right.length; i++) {
    if (left[i] !== right[i]) return left[i]! - right[i]!
  }
  return left.length - right.length
}

/** Lowercase hex SHA-256 over the sorted lines `key\0value\n`, as the runtime API says. */
export const digest = Effect.fnUntraced(function* (bundle: Omit<ConfigBundle, "digest">) {
  const lines = [
    `id\0${bundle.id}\n`,
    `revision\0${bundle.revision}\n`,
    `workspace_id\0${bundle.workspace_id}\n`,
    `created_at\0${bundle.created_at}\n`,
    `provenance.source\0${bundle.provenance.source}\n`,
    `provenance.detail\0${bundle.provenance.detail ?? ""}\n`,
    ...bundle.profiles.map((profile) => `profile\0${format(profile.selector)}\0${profile.label ?? ""}\n`),
    ...bundle.declarations.map((it) => `declaration\0${it.kind}\0${it.name}\0${it.reference}\n`)
  ].toSorted(byCodePoint)
  const hash = yield* Digest
  return yield* hash.digestHex(sha256, new TextEncoder().encode(lines.join("")))
})
