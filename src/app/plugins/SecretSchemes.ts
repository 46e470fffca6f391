/** Adds the secret scheme of a plugin: under a deadline, with what it says checked and nothing of it repeated. */
import { Cause, Duration, Effect, Redacted, type Scope } from "effect"
import type { SecretLookup, SecretSchemeDefinition } from "../../domain/plugin/Definition.ts"
import * as Grant from "../../domain/plugin/Grant.ts"
import { apart } from "../../domain/plugin/Guard.ts"
import { OutboundFactory } from "../../domain/plugin/PluginHost.ts"
import * as SafeProblem from "../../domain/plugin/SafeProblem.ts"
import {
  isReason,
  type Reason,
  type SecretProvider,
  SecretResolver,
  type Unresolvable,
  unresolvable
} from "../../domain/SecretResolver.ts"
import { NotLoaded } from "./PluginFile.ts"

/** How long a scheme may take to open what it needs, and to resolve one secret. */
export const openDeadline = Duration.seconds(10)
export const resolveDeadline = Duration.seconds(5)

/** A reason that the plugin named, where it is one of ours; also of a problem that another copy of this package made. */
const reasonOf = (failure: unknown): Reason => {
  if (typeof failure !== "object" || failure === null || !("_tag" in failure) || !("context" in failure)) {
    return "provider_failed"
  }
  const { _tag, context } = failure
  const reason = typeof context === "object" && context !== null && "reason" in context ? context.reason : undefined
  return _tag === "secret_unresolvable" && isReason(reason) ? reason : "provider_failed"
}

const textOf = (secret: unknown) =>
  Effect.sync(() => (Redacted.isRedacted(secret) ? Redacted.value(secret) : undefined)).pipe(
    Effect.flatMap((text) =>
      typeof text === "string" ? Effect.succeed(Redacted.make(text)) : Effect.fail(unresolvable("provider_failed"))
    )
  )

/** The provider of the resolver: whatever the plugin does, it answers in time, with a secret or a reason. */
const guarded = (scheme: string, { admits, resolve }: SecretLookup): SecretProvider => {
  const failed = Effect.fnUntraced(function* (cause: Cause.Cause<unknown>) {
    if (Cause.hasInterruptsOnly(cause)) return yield* Effect.failCause(cause as Cause.Cause<never>)
    const failure = Cause.squash(cause)
    const reason = reasonOf(failure)
    if (reason === "provider_failed") {
      yield* Effect.logWarning("A plugin's secret scheme failed").pipe(
        Effect.annotateLogs({ scheme, error: SafeProblem.nameOf(failure) })
      )
    }
    return yield* unresolvable(reason)
  })
  return {
    scheme,
    resolve: (rest): Effect.Effect<Redacted.Redacted<string>, Unresolvable> =>
      apart(Effect.suspend(() => resolve(rest))).pipe(
        Effect.flatMap(textOf),
        Effect.catchCause(failed),
        Effect.timeoutOrElse({
          duration: resolveDeadline,
          orElse: () => Effect.fail(unresolvable("provider_failed"))
        })
      ),
    ...(admits === undefined
      ? undefined
      : {
          admit: (rest: string) =>
            Effect.try({ try: () => admits(rest), catch: () => unresolvable("provider_failed") }).pipe(
              Effect.flatMap((admitted) =>
                admitted === true ? Effect.void : Effect.fail(unresolvable("outside_allowed_folders"))
              )
            )
        })
  }
}

const notOpened = (sentence: string) => new NotLoaded({ reason: "open_failed", sentence })

/** Fails when the scheme is taken or does not open; a scheme that comes with the product is never replaced. */
export const install = Effect.fnUntraced(function* (
  definition: SecretSchemeDefinition<unknown>,
  settings: unknown,
  references: ReadonlyArray<string>
): Effect.fn.Return<void, NotLoaded, SecretResolver | Scope.Scope> {
  const secrets = yield* SecretResolver
  const outbound = yield* OutboundFactory
  const { scheme } = definition
  if ((yield* secrets.schemes).includes(scheme)) {
    return yield* new NotLoaded({ reason: "scheme_taken", sentence: `The secret scheme ${scheme} exists already.` })
  }
  const host = { ...(yield* outbound), secret: Grant.secret(secrets, references) }
  const lookup = yield* apart(Effect.suspend(() => definition.open(settings, host))).pipe(
    Effect.catchCause((cause) =>
      Cause.hasInterruptsOnly(cause)
        ? Effect.failCause(cause as Cause.Cause<never>)
        : Effect.fail(
            notOpened(`The secret scheme ${scheme} could not be opened (${SafeProblem.nameOf(Cause.squash(cause))}).`)
          )
    ),
    Effect.timeoutOrElse({
      duration: openDeadline,
      orElse: () =>
        Effect.fail(notOpened(`The secret scheme ${scheme} was not open within ${Duration.format(openDeadline)}.`))
    })
  )
  yield* secrets.register(guarded(scheme, lookup))
})
