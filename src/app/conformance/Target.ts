/** Makes what the kit runs on out of a kind of source and what a person says about the runtime behind it. */
import { Effect, Option, Redacted } from "effect"
import { SecureRandom } from "effect/crypto/SecureRandom"
import type { ConnectionEntry } from "../../domain/Connection.ts"
import type { Connect, Hidden, Subject } from "../../domain/conformance/Conformance.ts"
import { RuntimeId } from "../../domain/Identifiers.ts"
import * as Problem from "../../domain/Problem.ts"
import * as Profile from "../../domain/Profile.ts"
import { type SecretRef, SecretResolver } from "../../domain/SecretResolver.ts"
import type { RuntimeSourceDefinition } from "../../domain/plugin/Definition.ts"
import { SourceKinds } from "../../domain/SourceKind.ts"

export interface Target<Options, R> {
  readonly kind: RuntimeSourceDefinition<Options, undefined, R>
  /** Whether the kind comes with the product; others are guarded as they are in a backend. */
  readonly built_in: boolean
  readonly endpoint: string | undefined
  readonly token_ref: SecretRef | undefined
  readonly options: ConnectionEntry["options"]
  /** Absent = `builtin:echo` where the runtime has it, otherwise the runtime's default. */
  readonly profile: Profile.ProfileSelector | undefined
  /** Absent = what keeps `builtin:echo` busy, where the runtime has it. */
  readonly hold: string | undefined
  /** What makes a worker ask for a permission; nothing is known for `builtin:echo`, which never asks. */
  readonly ask: string | undefined
}

/** The scheme of a token that is right nowhere. */
const wrongScheme = "conformancewrong"

const echo: Profile.ProfileSelector = { kind: "builtin", value: "echo" }
const echoHold = "/wait 60000 done"

const hidden = (name: string, text: string): Hidden => ({ name, text: Redacted.make(text) })

/** Makes a token for this run that is right nowhere, and the reference by which a source gets it. */
const wrongToken = Effect.gen(function* () {
  const secrets = yield* SecretResolver
  const random = yield* SecureRandom
  const text = `wrong-${yield* random.uuidV4()}`
  const secret = Redacted.make(text)
  yield* secrets.register({ scheme: wrongScheme, resolve: () => Effect.succeed(secret) })
  return text
})

/** Connects once, to learn what the runtime offers; the kit finds out for itself whether that is true. */
const offered = (connect: Connect) =>
  Effect.map(Effect.scoped(Effect.flatMap(connect, (source) => source.describe)), ({ profiles }) => profiles)

/** Fails when the kind refuses the connection as it was written, or the runtime does not answer. */
export const make = Effect.fnUntraced(function* <Options, R>(target: Target<Options, R>) {
  const kinds = yield* SourceKinds
  const secrets = yield* SecretResolver
  yield* kinds.add(target.kind, { built_in: target.built_in })
  const { endpoint, options, token_ref } = target
  const entry = {
    id: RuntimeId.make("conformance"),
    kind: target.kind.kind,
    ...(endpoint === undefined ? undefined : { endpoint }),
    ...(options === undefined ? undefined : { options })
  }
  yield* kinds.check(entry)
  const connecting: Connect = kinds.connect(token_ref === undefined ? entry : { ...entry, token_ref })
  // What has no endpoint may be a runtime of its own for every connection, so there is one.
  const connect: Connect = target.kind.endpoint === "none" ? Effect.succeed(yield* connecting) : connecting
  const profiles = yield* offered(connect)
  const hasEcho = profiles.some((it) => Profile.equals(it.selector, echo))
  const profile = target.profile ?? (hasEcho ? echo : undefined)
  const isEcho = profile !== undefined && Profile.equals(profile, echo)
  const hold = target.hold ?? (isEcho ? echoHold : undefined)
  const secret = token_ref === undefined ? undefined : yield* secrets.resolve(token_ref)
  const wrong = secret === undefined ? undefined : yield* wrongToken
  return {
    name: endpoint === undefined ? `the kind ${target.kind.kind}` : "the runtime",
    connect,
    credential:
      wrong === undefined
        ? { kind: "none", reason: "No token was given, so it was not tried whether a wrong one is refused." }
        : { kind: "token", bad: kinds.connect({ ...entry, token_ref: `${wrongScheme}:token` }) },
    hidden: [
      ...(endpoint === undefined
        ? []
        : [hidden("the endpoint", endpoint), hidden("the address", new URL(endpoint).host)]),
      ...(secret === undefined ? [] : [hidden("the token", Redacted.value(secret))]),
      ...(wrong === undefined ? [] : [hidden("the wrong token", wrong)])
    ],
    ...(profile === undefined ? undefined : { create: { profile } }),
    ...(hold === undefined ? undefined : { hold }),
    ...(target.ask === undefined ? undefined : { ask: target.ask })
  } satisfies Subject
})

/** `builtin:echo` and the like. */
export const profileOf = (text: string): Effect.Effect<Profile.ProfileSelector, Problem.Problem> =>
  Option.match(Profile.parse(text), {
    onNone: () => Problem.fail("invalid_profile_selector"),
    onSome: (profile) => Effect.succeed(profile)
  })
