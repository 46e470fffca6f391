/** `runtime serve`: hosts workers for a backend elsewhere and stays until it is told to stop. */
// Before any schema is used: what the store holds is decoded when it starts, and every answer is encoded.
import "effect/schema/SchemaJITCompiler/enable"
import { Console, Effect, Layer, Option, Redacted, Schema } from "effect"
import { Command, Flag } from "effect/cli"
import * as Digest from "effect/crypto/Digest"
import * as SecureRandom from "effect/crypto/SecureRandom"
import { HttpServer } from "effect/http/HttpServer"
import * as EchoExecutor from "../../adapters/executors/EchoExecutor.ts"
import * as ProfileExecutor from "../../adapters/executors/ProfileExecutor.ts"
import * as EnvSecrets from "../../adapters/secrets/EnvSecrets.ts"
import * as FileSecrets from "../../adapters/secrets/FileSecrets.ts"
import * as FileWorkerStore from "../../adapters/stores/FileWorkerStore.ts"
import * as MemoryWorkerStore from "../../adapters/stores/MemoryWorkerStore.ts"
import * as RuntimeIdFile from "../../adapters/stores/RuntimeIdFile.ts"
import { DisplayName, RuntimeId } from "../../domain/Identifiers.ts"
import { make as makeSecrets, SecretRef, SecretResolver } from "../../domain/SecretResolver.ts"
import { maxPageItems } from "../../domain/Transcript.ts"
import * as Logging from "../observability/Logging.ts"
import * as Otlp from "../observability/Otlp.ts"
import * as RuntimeServer from "../runtime/RuntimeServer.ts"
import { version } from "../version.ts"
import { fail, usage } from "./Failure.ts"
import * as ListenAddress from "./ListenAddress.ts"
import * as StartFailure from "./StartFailure.ts"

const defaultBind = "127.0.0.1:38800"

const flags = {
  bind: Flag.String("bind").pipe(
    Flag.withMetavar("HOST:PORT"),
    Flag.withDescription("Address to serve on; port 0 takes any free one"),
    Flag.withDefault(defaultBind)
  ),
  runtimeId: Flag.String("runtime-id").pipe(
    Flag.withMetavar("ID"),
    Flag.withDescription("The runtime's own name; made and kept with the store when absent"),
    Flag.optional
  ),
  displayName: Flag.String("display-name").pipe(
    Flag.withMetavar("NAME"),
    Flag.withDescription("Name for people"),
    Flag.optional
  ),
  store: Flag.Literals("store", ["memory", "fs"]).pipe(
    Flag.withDescription("Where workers are kept: memory forgets them when the process ends, fs needs --fs-root"),
    Flag.withDefault("memory")
  ),
  fsRoot: Flag.String("fs-root").pipe(
    Flag.withMetavar("DIR"),
    Flag.withDescription("Folder of the fs store"),
    Flag.optional
  ),
  profiles: Flag.String("profiles").pipe(
    Flag.withMetavar("FILE"),
    Flag.withDescription(
      "TOML file of the profiles that workers can be created from; without it there is only the echo"
    ),
    Flag.optional
  ),
  tokenRef: Flag.String("token-ref").pipe(
    Flag.withMetavar("REF"),
    Flag.withDescription("Where the bearer token is: env:NAME or file:PATH; needed when others can reach the address"),
    Flag.optional
  ),
  maxTranscriptItems: Flag.Int("max-transcript-projection-items").pipe(
    Flag.withMetavar("COUNT"),
    Flag.withDescription(`Items in one transcript page, at most ${maxPageItems}`),
    Flag.withDefault(maxPageItems)
  ),
  // Known only to be refused with a sentence that does not repeat the token.
  token: Flag.String("token").pipe(Flag.optional, Flag.withHidden),
  localToken: Flag.String("local-token").pipe(Flag.optional, Flag.withHidden)
}

interface Flags extends Command.Command.Config.Infer<typeof flags> {}

const rawToken =
  "A token on the command line can be read by everybody on this machine. Put it in a variable or a file and use --token-ref env:NAME or --token-ref file:PATH."

const checked = <A, I>(schema: Schema.Codec<A, I>, value: Option.Option<unknown>, sentence: string) =>
  Option.match(value, {
    onNone: () => Effect.succeed(undefined),
    onSome: (given) => Effect.mapError(Schema.decodeUnknownEffect(schema)(given), () => usage(sentence))
  })

/** What the flags say, or what is wrong with them. */
const settings = Effect.fnUntraced(function* (given: Flags) {
  if (Option.isSome(given.token) || Option.isSome(given.localToken)) return yield* usage(rawToken)
  const listen = ListenAddress.parse(given.bind)
  if (listen === undefined) return yield* usage(`--bind takes HOST:PORT, for instance ${defaultBind}.`)
  // What is not a reference may be a token: it is not repeated.
  const tokenRef = yield* checked(SecretRef, given.tokenRef, `--token-ref takes env:NAME or file:PATH. ${rawToken}`)
  if (!ListenAddress.isLocal(listen) && tokenRef === undefined) {
    return yield* usage(
      `Refused to serve on ${ListenAddress.format(listen)} without a token: anybody on the network could run workers. Add --token-ref env:NAME or --token-ref file:PATH.`
    )
  }
  const runtime_id = yield* checked(
    RuntimeId,
    given.runtimeId,
    "--runtime-id takes 1 to 96 letters, digits, _ or -, starting with a letter or digit."
  )
  const display_name = yield* checked(
    DisplayName,
    given.displayName,
    "--display-name takes 1 to 80 characters without control or invisible ones."
  )
  const { maxTranscriptItems } = given
  if (maxTranscriptItems < 1 || maxTranscriptItems > maxPageItems) {
    return yield* usage(`--max-transcript-projection-items takes 1 to ${maxPageItems}.`)
  }
  const root = Option.getOrUndefined(given.fsRoot)
  if (given.store === "fs" && (root === undefined || root === ""))
    return yield* usage("--store fs needs --fs-root DIR.")
  if (given.store === "memory" && root !== undefined) {
    return yield* usage("--fs-root needs --store fs; without it nothing would be kept in the folder.")
  }
  const profiles = Option.getOrUndefined(given.profiles)
  if (profiles === "") return yield* usage("--profiles needs the path of a TOML file.")
  return { listen, tokenRef, runtime_id, display_name, maxTranscriptItems, root, profiles }
})

const secrets = Layer.mergeAll(EnvSecrets.layer, FileSecrets.layer()).pipe(
  Layer.provideMerge(Layer.effect(SecretResolver, makeSecrets))
)

const crypto = Layer.mergeAll(SecureRandom.layerWebCrypto, Digest.layerWebCrypto)

/** Shorter tokens get a warning: they can be guessed. */
const shortestGoodToken = 24

const resolveToken = Effect.fnUntraced(function* (ref: SecretRef | undefined) {
  if (ref === undefined) return undefined
  const resolver = yield* SecretResolver
  return yield* resolver.resolve(ref)
}, Effect.provide(secrets))

const executor = (profiles: string | undefined) =>
  profiles === undefined
    ? EchoExecutor.layer
    : Layer.provide(ProfileExecutor.layer({ path: profiles, required: true }), secrets)

const server = (given: Effect.Success<ReturnType<typeof settings>>, token: Redacted.Redacted<string> | undefined) =>
  Layer.unwrap(
    Effect.gen(function* () {
      const random = yield* SecureRandom.SecureRandom
      const runtime_id =
        given.runtime_id ??
        (given.root === undefined
          ? RuntimeId.make(yield* random.uuidV7())
          : // The store is open by now, and its lock ours.
            yield* RuntimeIdFile.resolve(given.root))
      return RuntimeServer.layer({
        runtime_id,
        version,
        maxTranscriptItems: given.maxTranscriptItems,
        listen: given.listen,
        token,
        ...(given.display_name === undefined ? undefined : { display_name: given.display_name })
      })
    })
  ).pipe(
    Layer.provideMerge(
      given.root === undefined ? MemoryWorkerStore.layer : FileWorkerStore.layer({ root: given.root })
    ),
    Layer.provide([executor(given.profiles), crypto])
  )

export const runtimeServe = Command.make(
  "serve",
  flags,
  Effect.fn("runtime.serve")(function* (given) {
    const set = yield* settings(given)
    const token = yield* Effect.mapError(resolveToken(set.tokenRef), ({ message }) => fail(message))
    const ready = Layer.effectDiscard(
      Effect.gen(function* () {
        const { address } = yield* HttpServer
        const port = "port" in address ? address.port : set.listen.port
        yield* Effect.logInfo(
          "The worker-runtime is ready. Only a trusted backend may talk to it; browsers must not."
        ).pipe(Effect.annotateLogs({ store: given.store, token: token === undefined ? "none" : "required" }))
        if (token !== undefined && Redacted.value(token).length < shortestGoodToken) {
          yield* Effect.logWarning(`The token is shorter than ${shortestGoodToken} characters and can be guessed.`)
        }
        yield* Console.log(`http://${ListenAddress.format({ host: set.listen.host, port })}`)
      })
    )
    return yield* Layer.launch(
      ready.pipe(
        Layer.provide(server(set, token)),
        Layer.provide(Otlp.layer("worker-runtime", version).pipe(Layer.provideMerge(Logging.layer)))
      )
    ).pipe(Effect.catch((cause) => fail(StartFailure.explain(cause, "--bind"))))
  })
).pipe(Command.withDescription("Serve the runtime API. Only a trusted backend may reach it; browsers must not"))
