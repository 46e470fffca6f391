/**
 * The port to secrets. Config files and command lines hold references (`env:NAME`, `file:PATH`, …), never secrets; each
 * scheme is answered by a provider, and what every secret must satisfy is checked here once.
 */
import { Cache, Context, Duration, Effect, Exit, Redacted, Schema, type Scope } from "effect"
import { TokenRef } from "./Connection.ts"
import * as Problem from "./Problem.ts"

/** `scheme:rest`. The rest belongs to the scheme. */
export const SecretRef = TokenRef.pipe(Schema.brand("SecretRef"))
export type SecretRef = typeof SecretRef.Type

export const isSecretRef = Schema.is(SecretRef)

export const schemeOf = (ref: SecretRef): string => ref.slice(0, ref.indexOf(":"))

/** Larger ones are refused, in bytes of UTF-8. */
export const maxSecretBytes = 8_192

/** How long a resolved secret is used before it is looked up again. A changed one is in use after this long at the latest. */
export const secretTimeToLive = Duration.seconds(5)

/** References whose secrets are kept at once; the one that was used longest ago goes first. */
export const maxCachedSecrets = 256

/** Why a secret could not be resolved. It says nothing about the secret, its place or its neighbours. */
export type Reason =
  | "unknown_scheme"
  | "not_granted"
  | "provider_failed"
  | "not_set"
  | "unreadable"
  | "readable_by_others"
  | "outside_allowed_folders"
  | "reserved_place"
  | "damaged"
  | "too_large"
  | "empty"
  | "control_characters"

const sentences: Readonly<Record<Reason, string>> = {
  unknown_scheme: "No provider knows the scheme of the secret reference.",
  not_granted: "The plugin may only ask for secrets that its own configuration names.",
  provider_failed: "The plugin that knows the scheme of the secret reference failed, or did not answer in time.",
  not_set: "The secret that the reference names is not set.",
  unreadable: "The secret's file cannot be read, or is not a regular file.",
  readable_by_others: "The secret's file can be read or written by others; take their access away (chmod 600).",
  outside_allowed_folders: "The secret's file is outside the folders that secrets may be read from.",
  reserved_place: "The reference leads to the backend's own files, which hold no secret that may be named.",
  damaged: "The stored secret cannot be decrypted with the store's key; set it again.",
  too_large: `The secret is larger than ${maxSecretBytes} bytes.`,
  empty: "The secret is empty.",
  control_characters: "The secret holds a line break or a NUL, which no header may carry."
}

export const isReason = (value: unknown): value is Reason =>
  typeof value === "string" && Object.hasOwn(sentences, value)

export type Unresolvable = Problem.Problem<"secret_unresolvable">

export const unresolvable = (reason: Reason): Unresolvable =>
  Problem.make("secret_unresolvable", sentences[reason], { reason })

export interface SecretProvider {
  readonly scheme: string
  /** Gets what follows the colon. A trailing line break is cut off by the resolver. */
  readonly resolve: (rest: string) => Effect.Effect<Redacted.Redacted<string>, Unresolvable>
  /**
   * Whether somebody who can only reach the API may name this secret; absent = everything. The secret need not be there
   * yet, and nothing about it is told.
   */
  readonly admit?: (rest: string) => Effect.Effect<void, Unresolvable>
}

export class SecretResolver extends Context.Service<
  SecretResolver,
  {
    /** The secret, at most `secretTimeToLive` old. Failures are never kept. */
    readonly resolve: (ref: SecretRef) => Effect.Effect<Redacted.Redacted<string>, Unresolvable>
    /** The secret as it is now; `resolve` gives the same from here on. */
    readonly refresh: (ref: SecretRef) => Effect.Effect<Redacted.Redacted<string>, Unresolvable>
    /** Fails when a reference that came through the API may not be used: its scheme is unknown, or its place is reserved. */
    readonly admit: (ref: SecretRef) => Effect.Effect<void, Unresolvable>
    /** Adds a provider until the scope closes. A scheme has one provider: a second one is a mistake in the program. */
    readonly register: (provider: SecretProvider) => Effect.Effect<void, never, Scope.Scope>
    /** Schemes that can be resolved now, in the order they were added. */
    readonly schemes: Effect.Effect<ReadonlyArray<string>>
  }
>()("yoi-workspace/domain/SecretResolver") {}

/** Files and shells end a line where a person sees none. */
const trimmed = (text: string): string => text.replace(/\r?\n$/, "")

const flawOf = (text: string): Reason | undefined => {
  if (text === "") return "empty"
  if (/[\0\r\n]/.test(text)) return "control_characters"
  return new TextEncoder().encode(text).length > maxSecretBytes ? "too_large" : undefined
}

export const make = Effect.gen(function* () {
  const providers = new Map<string, SecretProvider>()

  const providerOf = (ref: SecretRef) => {
    const provider = providers.get(schemeOf(ref))
    return provider === undefined ? Effect.fail(unresolvable("unknown_scheme")) : Effect.succeed(provider)
  }
  const restOf = (ref: SecretRef): string => ref.slice(schemeOf(ref).length + 1)

  const lookup = Effect.fnUntraced(function* (ref: SecretRef) {
    const provider = yield* providerOf(ref)
    const secret = trimmed(Redacted.value(yield* provider.resolve(restOf(ref))))
    const flaw = flawOf(secret)
    if (flaw !== undefined) return yield* unresolvable(flaw)
    return Redacted.make(secret)
  })
  const cache = yield* Cache.makeWith(lookup, {
    capacity: maxCachedSecrets,
    timeToLive: (exit) => (Exit.isSuccess(exit) ? secretTimeToLive : Duration.zero)
  })

  return SecretResolver.of({
    resolve: Effect.fn("SecretResolver.resolve")((ref) => Cache.get(cache, ref)),
    refresh: Effect.fn("SecretResolver.refresh")((ref) =>
      Effect.andThen(Cache.invalidate(cache, ref), Cache.get(cache, ref))
    ),
    admit: Effect.fnUntraced(function* (ref) {
      const provider = yield* providerOf(ref)
      yield* provider.admit?.(restOf(ref)) ?? Effect.void
    }),
    register: (provider) =>
      Effect.asVoid(
        Effect.acquireRelease(
          Effect.suspend(() => {
            if (providers.has(provider.scheme)) {
              return Effect.die(new Error(`The secret scheme ${provider.scheme} has a provider already.`))
            }
            providers.set(provider.scheme, provider)
            return Effect.void
          }),
          () =>
            Effect.andThen(
              Effect.sync(() => providers.delete(provider.scheme)),
              // What a provider that has gone once said is no answer any more.
              Cache.invalidateAll(cache)
            )
        )
      ),
    schemes: Effect.sync(() => Array.from(providers.keys()))
  })
})
