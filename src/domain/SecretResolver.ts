/**
 * The port to secrets. Config files and command lines hold references (`env:NAME`, `file:PATH`, …), never secrets; each
 * scheme is answered by a provider, and what every secret must satisfy is checked here once.
 */
import { Context, Effect, Redacted, Schema, type Scope } from "effect"
import * as Problem from "./Problem.ts"

/** `scheme:rest`. The rest belongs to the scheme. */
export const SecretRef = Schema.String.check(Schema.isPattern(/^[a-z][a-z0-9]{0,15}:[^\0\r\n]{1,1024}$/)).pipe(
  Schema.brand("SecretRef")
)
export type SecretRef = typeof SecretRef.Type

export const schemeOf = (ref: SecretRef): string => ref.slice(0, ref.indexOf(":"))

/** Larger ones are refused, in bytes of UTF-8. */
export const maxSecretBytes = 8_192

/** Why a secret could not be resolved. It says nothing about the secret, its place or its neighbours. */
export type Reason =
  | "unknown_scheme"
  | "not_set"
  | "unreadable"
  | "readable_by_others"
  | "outside_allowed_folders"
  | "too_large"
  | "empty"
  | "control_characters"

const sentences: Readonly<Record<Reason, string>> = {
  unknown_scheme: "No provider knows the scheme of the secret reference.",
  not_set: "The secret that the reference names is not set.",
  unreadable: "The secret's file cannot be read, or is not a regular file.",
  readable_by_others: "The secret's file can be read or written by others; take their access away (chmod 600).",
  outside_allowed_folders: "The secret's file is outside the folders that secrets may be read from.",
  too_large: `The secret is larger than ${maxSecretBytes} bytes.`,
  empty: "The secret is empty.",
  control_characters: "The secret holds a line break or a NUL, which no header may carry."
}

export type Unresolvable = Problem.Problem<"secret_unresolvable">

export const unresolvable = (reason: Reason): Unresolvable =>
  Problem.make("secret_unresolvable", sentences[reason], { reason })

export interface SecretProvider {
  readonly scheme: string
  /** Gets what follows the colon. A trailing line break is cut off by the resolver. */
  readonly resolve: (rest: string) => Effect.Effect<Redacted.Redacted<string>, Unresolvable>
}

export class SecretResolver extends Context.Service<
  SecretResolver,
  {
    readonly resolve: (ref: SecretRef) => Effect.Effect<Redacted.Redacted<string>, Unresolvable>
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

export const make = Effect.sync((): SecretResolver["Service"] => {
  const providers = new Map<string, SecretProvider>()
  return SecretResolver.of({
    resolve: Effect.fn("SecretResolver.resolve")(function* (ref) {
      const scheme = schemeOf(ref)
      const provider = providers.get(scheme)
      if (provider === undefined) return yield* unresolvable("unknown_scheme")
      const secret = trimmed(Redacted.value(yield* provider.resolve(ref.slice(scheme.length + 1))))
      const flaw = flawOf(secret)
      if (flaw !== undefined) return yield* unresolvable(flaw)
      return Redacted.make(secret)
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
          () => Effect.sync(() => providers.delete(provider.scheme))
        )
      ),
    schemes: Effect.sync(() => Array.from(providers.keys()))
  })
})
