/** `conformance run`: tries the kit on a runtime that runs, or on the source kind of a plugin. */
import { Console, Effect, FileSystem, Layer, Option, Schema } from "effect"
import { Command, Flag } from "effect/cli"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as EgressClient from "../../adapters/egress/EgressClient.ts"
import * as EnvSecrets from "../../adapters/secrets/EnvSecrets.ts"
import * as FileSecrets from "../../adapters/secrets/FileSecrets.ts"
import {
  cases,
  groupOf,
  groups,
  json,
  junit,
  type Outcome,
  run,
  text,
  tiers
} from "../../domain/conformance/Conformance.ts"
import * as Problem from "../../domain/Problem.ts"
import * as Endpoint from "../../domain/Endpoint.ts"
import { isSecretRef, make as makeSecrets, SecretResolver } from "../../domain/SecretResolver.ts"
import type { RuntimeSourceDefinition } from "../../domain/plugin/Definition.ts"
import { SourceKinds } from "../../domain/SourceKind.ts"
import { remoteHttp } from "../../plugins/remote-http/index.ts"
import * as PluginModule from "../conformance/PluginModule.ts"
import * as Target from "../conformance/Target.ts"
import { exitCode, fail, usage } from "./Failure.ts"

const path = (name: string, description: string) =>
  Flag.String(name).pipe(Flag.withMetavar("FILE"), Flag.withDescription(description), Flag.optional)

const flags = {
  url: Flag.String("url").pipe(
    Flag.withMetavar("URL"),
    Flag.withDescription(
      "Endpoint of a worker-runtime that runs, in any language; of the plugin's runtime with --plugin"
    ),
    Flag.optional
  ),
  plugin: path("plugin", "JavaScript module that exports one kind of source"),
  tokenRef: Flag.String("token-ref").pipe(
    Flag.withMetavar("REF"),
    Flag.withDescription("Where the token is: env:NAME or file:PATH. With it a wrong one is tried, too"),
    Flag.optional
  ),
  options: Flag.String("options").pipe(
    Flag.withMetavar("JSON"),
    Flag.withDescription("Options of the kind, as a JSON object"),
    Flag.optional
  ),
  profile: Flag.String("profile").pipe(
    Flag.withMetavar("PROFILE"),
    Flag.withDescription(
      "Profile of the workers that are made, for instance builtin:echo, which is used where it is there"
    ),
    Flag.optional
  ),
  hold: Flag.String("hold").pipe(
    Flag.withMetavar("TEXT"),
    Flag.withDescription("Input that keeps such a worker busy for a minute; known for builtin:echo"),
    Flag.optional
  ),
  ask: Flag.String("ask").pipe(
    Flag.withMetavar("TEXT"),
    Flag.withDescription("Input that makes such a worker ask for a permission and wait for the answer"),
    Flag.optional
  ),
  tier: Flag.Literals("tier", tiers).pipe(Flag.withDescription("Fail unless this tier is reached"), Flag.optional),
  only: Flag.String("only").pipe(
    Flag.withMetavar("NAME"),
    Flag.withDescription("Run one group or one case, for instance resume or resume.live; shows no tier"),
    Flag.optional
  ),
  json: path("json", "Write the report as JSON"),
  junit: path("junit", "Write the report as JUnit XML")
}

interface Flags extends Command.Command.Config.Infer<typeof flags> {}

const Options = Schema.fromJsonString(Schema.Record(Schema.String, Schema.Json))
const decodeOptions = Schema.decodeUnknownEffect(Options)
type Kind = RuntimeSourceDefinition<unknown, undefined, EgressClient.EgressClient>

const chosenKind = (
  given: Flags
): Effect.Effect<Pick<Target.Target<unknown, EgressClient.EgressClient>, "kind" | "built_in">, CommandRefused> => {
  if (Option.isSome(given.plugin)) {
    return Effect.map(PluginModule.load(given.plugin.value), (kind) => ({ kind: kind as Kind, built_in: false }))
  }
  if (Option.isNone(given.url))
    return Effect.fail(usage("Name a runtime with --url URL or a plugin with --plugin FILE."))
  return Effect.succeed({ kind: remoteHttp as Kind, built_in: true })
}

type CommandRefused = ReturnType<typeof usage> | PluginModule.NoKind

const target = Effect.fnUntraced(function* (given: Flags) {
  const chosen = yield* Effect.catchTag(chosenKind(given), "NoKind", ({ sentence }) => Effect.fail(fail(sentence)))
  const ref = Option.getOrUndefined(given.tokenRef)
  // What is not a reference may be a token: it is not repeated.
  if (ref !== undefined && !isSecretRef(ref)) {
    return yield* usage("--token-ref takes env:NAME or file:PATH, and never the token itself.")
  }
  const endpoint = Option.isNone(given.url)
    ? undefined
    : yield* Effect.mapError(Effect.fromResult(Endpoint.normalise(given.url.value)), () =>
        usage("--url takes an absolute http or https URL without user name, query or fragment.")
      )
  const options = Option.isNone(given.options)
    ? undefined
    : yield* Effect.mapError(decodeOptions(given.options.value), () => usage("--options takes a JSON object."))
  const profile = Option.isNone(given.profile)
    ? undefined
    : yield* Effect.mapError(Target.profileOf(given.profile.value), () =>
        usage("--profile takes builtin:NAME, named:NAME or runtime_default.")
      )
  const inputs = { hold: Option.getOrUndefined(given.hold), ask: Option.getOrUndefined(given.ask) }
  return { ...chosen, endpoint, token_ref: ref, options, profile, ...inputs }
})

const chosenCases = (only: Option.Option<string>) => {
  if (Option.isNone(only)) return Effect.succeed(cases)
  const chosen = cases.filter((it) => it.id === only.value || groupOf(it) === only.value)
  return chosen.length > 0
    ? Effect.succeed(chosen)
    : Effect.fail(usage(`--only takes a case or one of ${groups.join(", ")}.`))
}

const write = Effect.fnUntraced(function* (file: Option.Option<string>, content: string) {
  if (Option.isNone(file)) return
  const fs = yield* FileSystem.FileSystem
  yield* Effect.mapError(fs.writeFileString(file.value, content), () => fail("The report could not be written."))
})

/** Somebody who waits sees that it goes on. */
const progress = ({ id, verdict }: Outcome) => Console.error(`${verdict.padEnd(15)}${id}`)

const services = Layer.mergeAll(
  EgressClient.layer(),
  SourceKinds.layer,
  SecureRandom.layerWebCrypto,
  Layer.mergeAll(EnvSecrets.layer, FileSecrets.layer()).pipe(
    Layer.provideMerge(Layer.effect(SecretResolver, makeSecrets))
  )
)

const examine = Effect.fn("conformance.run")(
  function* (given: Flags) {
    const chosen = yield* chosenCases(given.only)
    const subject = yield* Effect.mapError(Effect.flatMap(target(given), Target.make), (failure) =>
      Problem.isProblem(failure) ? fail(`${failure.message} (${failure._tag})`) : failure
    )
    const report = yield* Effect.mapError(run(subject, { cases: chosen, onOutcome: progress }), ({ sentence }) =>
      fail(sentence)
    )
    yield* Console.log(text(report))
    yield* write(given.json, json(report))
    yield* write(given.junit, junit(report))
    const { failed } = report.totals
    if (failed > 0) {
      return yield* fail(`${failed} ${failed === 1 ? "case" : "cases"} failed.`, exitCode.incompatible)
    }
    const wanted = Option.getOrUndefined(given.tier)
    const reached = report.tier === null ? -1 : tiers.indexOf(report.tier)
    if (wanted !== undefined && reached < tiers.indexOf(wanted)) {
      return yield* fail(`The tier is ${report.tier ?? "none"} and not ${wanted}.`, exitCode.incompatible)
    }
  },
  Effect.scoped,
  Effect.provide(services)
)

const runCommand = Command.make("run", flags, examine).pipe(
  Command.withDescription("Try what every runtime source owes its callers, and say which tier is reached")
)

export const conformance = Command.make("conformance").pipe(
  Command.withDescription("Check a runtime, or a plugin's kind of source, against the conformance kit"),
  Command.withSubcommands([runCommand])
)
