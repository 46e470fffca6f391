/** `secret set|list|remove`: the workspace's own secrets. A value comes from standard input and never leaves again. */
import { isUtf8 } from "node:buffer"
import { Console, Effect, Option, Redacted, Result, Stdio, Stream } from "effect"
import { Argument, Command, Flag, Prompt } from "effect/cli"
import * as LocalStore from "../../adapters/secrets/LocalStore.ts"
import type { StoreRefused } from "../../adapters/secrets/StoreRefused.ts"
import { maxSecretBytes } from "../../domain/SecretResolver.ts"
import { fail, usage } from "./Failure.ts"
import { workspace } from "./serve.ts"
import * as Workspace from "./Workspace.ts"

const reference = Argument.String("reference").pipe(
  Argument.withMetavar("local:NAME"),
  Argument.withDescription("Name of the secret, as token_ref has it")
)

/** Known only to be refused with a sentence that does not repeat them. */
const further = Argument.String("value").pipe(Argument.variadic())
const value = Flag.String("value").pipe(Flag.optional, Flag.withHidden)

const onCommandLine =
  "A secret on the command line can be read by everybody on this machine. Give it on standard input: yoi-workspace secret set local:NAME < FILE."

/** What is no reference may be the secret itself: it is not repeated. */
const nameOf = Effect.fnUntraced(function* (ref: string) {
  const name = ref.startsWith("local:") ? ref.slice("local:".length) : ""
  if (LocalStore.namePattern.test(name)) return name
  return yield* usage("The name is local: and 1 to 96 letters, digits, _ or -, starting with a letter or digit.")
})

const tooLarge = `The secret is larger than ${maxSecretBytes} bytes.`

/** The secret in what came from standard input, without its last line break; or what is wrong with it, in a sentence. */
export const parse = (bytes: Uint8Array): Result.Result<Redacted.Redacted, string> => {
  if (!isUtf8(bytes)) return Result.fail("The secret is not text in UTF-8.")
  const secret = new TextDecoder().decode(bytes).replace(/\r?\n$/, "")
  if (secret === "") return Result.fail("The secret is empty.")
  if (/[\0\r\n]/.test(secret)) return Result.fail("The secret holds a line break or a NUL, which no header may carry.")
  return Buffer.byteLength(secret) > maxSecretBytes ? Result.fail(tooLarge) : Result.succeed(Redacted.make(secret))
}

/** All of standard input, as long as it may become a secret. */
const piped = Effect.gen(function* () {
  const { stdin } = yield* Stdio.Stdio
  const chunks: Array<Uint8Array> = []
  let size = 0
  yield* stdin.pipe(
    Stream.runForEach((chunk) => {
      size += chunk.length
      if (size > maxSecretBytes + 2) return usage(tooLarge)
      chunks.push(chunk)
      return Effect.void
    }),
    Effect.catchTag("PlatformError", () => fail("Standard input could not be read."))
  )
  return Buffer.concat(chunks)
})

const typed = Prompt.run(Prompt.Hidden({ message: "Secret" })).pipe(
  Effect.map((secret) => Buffer.from(Redacted.value(secret))),
  Effect.mapError(() => fail("Nothing was stored."))
)

const read = Effect.gen(function* () {
  const { stdinIsTerminal } = yield* Stdio.Stdio
  const bytes = (yield* stdinIsTerminal) ? yield* typed : yield* piped
  return yield* Effect.mapError(Effect.fromResult(parse(bytes)), (sentence) => usage(sentence))
})

const refused = ({ sentence }: StoreRefused) => fail(sentence)

const set = Command.make("set", { reference, further, value, workspace }, (given) =>
  Effect.gen(function* () {
    if (given.further.length > 0 || Option.isSome(given.value)) return yield* usage(onCommandLine)
    const name = yield* nameOf(given.reference)
    const secret = yield* read
    yield* Effect.mapError(LocalStore.set(Workspace.secretStore(given.workspace), name, secret), refused)
    yield* Console.error(`Stored as local:${name}.`)
  })
).pipe(Command.withDescription("Store a secret that is read from standard input"))

const json = Flag.Boolean("json").pipe(Flag.withDescription("Answer as JSON"), Flag.withDefault(false))

const list = Command.make("list", { json, workspace }, (given) =>
  Effect.gen(function* () {
    const names = yield* Effect.mapError(LocalStore.list(Workspace.secretStore(given.workspace)), refused)
    const references = names.map((name) => `local:${name}`)
    if (given.json) return yield* Console.log(JSON.stringify({ secrets: references }))
    yield* Effect.forEach(references, (it) => Console.log(it), { discard: true })
  })
).pipe(Command.withDescription("List the names of stored secrets"))

const remove = Command.make("remove", { reference, workspace }, (given) =>
  Effect.gen(function* () {
    const name = yield* nameOf(given.reference)
    const removed = yield* Effect.mapError(LocalStore.remove(Workspace.secretStore(given.workspace), name), refused)
    if (!removed) return yield* fail(`There is no secret local:${name}.`)
    yield* Console.error(`Removed local:${name}.`)
  })
).pipe(Command.withDescription("Remove a stored secret"))

export const secret = Command.make("secret").pipe(
  Command.withDescription("The secrets of a workspace, named by token_ref as local:NAME"),
  Command.withSubcommands([set, list, remove])
)
