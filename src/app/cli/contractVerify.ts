/** `contract verify`: checks a running runtime, in any language, against the contract of the workspace backend. */
import { readFile, writeFile } from "node:fs/promises"
import { fileURLToPath } from "node:url"
import { Console, Effect, Layer, Option, Schema } from "effect"
import { Command, Flag } from "effect/cli"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as EgressClient from "../../adapters/egress/EgressClient.ts"
import * as EnvSecrets from "../../adapters/secrets/EnvSecrets.ts"
import * as FileSecrets from "../../adapters/secrets/FileSecrets.ts"
import { make as makeSecrets, SecretRef, SecretResolver } from "../../domain/SecretResolver.ts"
import { maxPactBytes, PactFile } from "./contract/PactFile.ts"
import * as Provider from "./contract/Provider.ts"
import * as Report from "./contract/Report.ts"
import { verify } from "./contract/Verify.ts"
import { fail, usage } from "./Failure.ts"

/** The pacts that come with the package, by provider. The folder is beside `src` and beside `dist`. */
const pacts = {
  "worker-runtime": fileURLToPath(
    new URL("../../../contracts/pacts/workspace-backend-worker-runtime.json", import.meta.url)
  )
} as const

const flags = {
  provider: Flag.Literals("provider", ["worker-runtime"]).pipe(Flag.withDescription("What it is that runs there")),
  url: Flag.String("url").pipe(Flag.withMetavar("URL"), Flag.withDescription("Where it runs")),
  tokenRef: Flag.String("token-ref").pipe(
    Flag.withMetavar("REF"),
    Flag.withDescription("Where the bearer token is: env:NAME or file:PATH"),
    Flag.optional
  ),
  pact: Flag.String("pact").pipe(
    Flag.withMetavar("FILE"),
    Flag.withDescription("Another pact than the one that comes with this version"),
    Flag.optional
  ),
  junit: Flag.String("junit").pipe(
    Flag.withMetavar("FILE"),
    Flag.withDescription("Write the result as JUnit XML"),
    Flag.optional
  ),
  json: Flag.String("json").pipe(
    Flag.withMetavar("FILE"),
    Flag.withDescription("Write the result as JSON"),
    Flag.optional
  )
}

const read = Effect.fnUntraced(function* (path: string) {
  const text = yield* Effect.tryPromise({
    try: () => readFile(path, "utf8"),
    catch: () => usage("The pact file could not be read.")
  })
  if (text.length > maxPactBytes) return yield* usage(`The pact file is larger than ${maxPactBytes} bytes.`)
  return yield* Effect.mapError(Schema.decodeEffect(Schema.fromJsonString(PactFile))(text), () =>
    usage("The file is no pact of specification 4 that this version can read.")
  )
})

const write = (path: Option.Option<string>, text: string) =>
  Option.isNone(path)
    ? Effect.void
    : Effect.tryPromise({ try: () => writeFile(path.value, text), catch: () => fail("A report could not be written.") })

const secrets = Layer.mergeAll(EnvSecrets.layer, FileSecrets.layer()).pipe(
  Layer.provideMerge(Layer.effect(SecretResolver, makeSecrets))
)

const tokenOf = Effect.fnUntraced(function* (given: Option.Option<string>) {
  if (Option.isNone(given)) return undefined
  // What is not a reference may be a token: it is not repeated.
  const ref = yield* Effect.mapError(Schema.decodeEffect(SecretRef)(given.value), () =>
    usage("--token-ref takes env:NAME or file:PATH.")
  )
  const resolver = yield* SecretResolver
  return yield* Effect.mapError(resolver.resolve(ref), ({ message }) => fail(message))
}, Effect.provide(secrets))

/** Whoever types the address vouches for it, so private networks are allowed; metadata services and the like are not. */
const egress = Layer.orDie(EgressClient.layer({ policy: { allow_private: true } }))

export const contractVerify = Command.make(
  "verify",
  flags,
  Effect.fn("contract.verify")(function* (given) {
    const pact = yield* read(Option.getOrElse(given.pact, () => pacts[given.provider]))
    if (pact.provider.name !== given.provider) return yield* usage(`The pact is not one for a ${given.provider}.`)
    if (pact.interactions.length === 0) return yield* fail("The pact has no interactions, so nothing was verified.")
    const token = yield* tokenOf(given.tokenRef)
    const checked = yield* Provider.make(given.url, token).pipe(
      Effect.mapError((failed) => usage(`--url: ${failed.message}.`)),
      Effect.flatMap((provider) => verify(provider, pact)),
      Effect.scoped,
      Effect.provide([egress, SecureRandom.layerWebCrypto])
    )
    yield* Console.log(Report.text(checked))
    yield* write(given.junit, Report.junit(`${pact.consumer.name} → ${pact.provider.name}`, checked))
    yield* write(given.json, Report.json(checked))
    const totals = Report.totals(checked)
    if (Report.isVerified(totals)) return
    return yield* fail(
      totals.failed > 0 ? "The runtime breaks the contract." : "Everything was skipped, so nothing was verified."
    )
  })
).pipe(Command.withDescription("Check a running runtime against the contract of the workspace backend"))
