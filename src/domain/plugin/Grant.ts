/** Which secrets a plugin may ask for: those that its own configuration names, and no other that the backend could resolve. */
import { Effect, type Redacted } from "effect"
import type { ConnectionEntry } from "../Connection.ts"
import { isSecretRef, type SecretResolver, type Unresolvable, unresolvable } from "../SecretResolver.ts"

/** The member of a connection that every kind has. */
const tokenRef = "token_ref"

type Members = Readonly<Record<string, unknown>>

/** Names of secret members that hold something else than a reference. */
export const raw = (options: Members, secretFields: ReadonlyArray<string>): ReadonlyArray<string> =>
  secretFields.filter(
    (name) => Object.hasOwn(options, name) && !(typeof options[name] === "string" && isSecretRef(options[name]))
  )

/** The references in secret members. */
export const named = (
  options: Members,
  secretFields: ReadonlyArray<string>
): ReadonlyArray<readonly [string, string]> =>
  secretFields.flatMap((name) => {
    const value = Object.hasOwn(options, name) ? options[name] : undefined
    return typeof value === "string" && isSecretRef(value) ? [[name, value] as const] : []
  })

/** The references of a connection, by the pointer to each. */
export const references = (
  { options, token_ref }: ConnectionEntry,
  secretFields: ReadonlyArray<string>
): ReadonlyMap<string, string> =>
  new Map([
    ...(token_ref === undefined ? [] : [[`/${tokenRef}`, token_ref] as const]),
    ...named(options ?? {}, secretFields).map(([name, ref]) => [`/options/${name}`, ref] as const)
  ])

/** How members that hold a reference are named by custom: what is known of a kind whose plugin is not there. */
const customary = /_ref$/

/**
 * The connection as it may be shown: without what stands in a secret member and is no reference, which the file's writer
 * may have put there by mistake.
 *
 * @param secretFields undefined when the kind is not known
 */
export const shown = (entry: ConnectionEntry, secretFields: ReadonlyArray<string> | undefined): ConnectionEntry => {
  const { options } = entry
  if (options === undefined) return entry
  const hidden = new Set(raw(options, secretFields ?? Object.keys(options).filter((name) => customary.test(name))))
  return hidden.size === 0
    ? entry
    : { ...entry, options: Object.fromEntries(Object.entries(options).filter(([name]) => !hidden.has(name))) }
}

/** Resolves what was granted. Any other reference is one that nobody knows. */
export const secret =
  (secrets: SecretResolver["Service"], granted: ReadonlyArray<string>) =>
  (ref: string): Effect.Effect<Redacted.Redacted<string>, Unresolvable> =>
    granted.includes(ref) && isSecretRef(ref) ? secrets.resolve(ref) : Effect.fail(unresolvable("not_granted"))
