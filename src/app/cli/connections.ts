/** `connections …`: everything that the settings page can do, for terminals and pipelines. */
import { Console, Effect, Option, Result, Schema } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import type { ProblemDetails } from "../../domain/api/ProblemDetails.ts"
import type { Code } from "../../domain/ProblemCatalogue.ts"
import { normalise } from "../../domain/Endpoint.ts"
import { SecretRef, SecretResolver } from "../../domain/SecretResolver.ts"
import * as OfFile from "./connectionsOfFile.ts"
import * as OfUrl from "./connectionsOfUrl.ts"
import type { Refused, Target } from "./ConnectionsTarget.ts"
import * as Text from "./connectionsText.ts"
import { type CommandFailure, exitCode, fail, usage } from "./Failure.ts"
import { workspace } from "./serve.ts"
import * as Workspace from "./Workspace.ts"

const yes = (name: string, description: string) =>
  Flag.Boolean(name).pipe(Flag.withDescription(description), Flag.withDefault(false))
const text = (name: string, metavar: string, description: string) =>
  Flag.String(name).pipe(Flag.withMetavar(metavar), Flag.withDescription(description), Flag.optional)

const common = {
  json: yes("json", "Answer as one JSON document on standard output, refusals included"),
  workspace,
  url: text("url", "URL", "Act on the backend that runs there instead of on the workspace's file"),
  accessTokenRef: text(
    "access-token-ref",
    "REF",
    "Where that backend's access token is: env:NAME, file:PATH or local:NAME"
  ),
  // Known only to be refused with a sentence that does not repeat the token.
  token: Flag.String("token").pipe(Flag.optional, Flag.withHidden),
  further: Argument.String("further").pipe(Argument.variadic())
}

interface Common {
  readonly json: boolean
  readonly workspace: string
  readonly url: Option.Option<string>
  readonly accessTokenRef: Option.Option<string>
  readonly token: Option.Option<string>
  readonly further: ReadonlyArray<string>
}

const writing = {
  apply: yes("apply", "Make the change live at once; needs --url"),
  force: yes("force", "With --apply: although workers run or streams are open")
}

const members = {
  endpoint: text("endpoint", "URL", "Where the runtime is: an absolute http or https URL"),
  displayName: text("display-name", "NAME", "Name for people"),
  tokenRef: text("token-ref", "REF", "Where the runtime's token is: env:NAME, file:PATH or local:NAME"),
  options: text("options", "JSON", "Options of the kind, as a JSON object")
}
const kind = text("kind", "KIND", "Kind of the runtime; remote_http when absent")
const id = Argument.String("id").pipe(Argument.withDescription("The connection's id"))

const onCommandLine =
  "A token on the command line can be read by everybody on this machine. Store it with secret set local:NAME, and use --token-ref local:NAME."

/** Refusals that somebody else's change or work causes. */
const conflicts: ReadonlySet<Code> = new Set([
  "runtime_id_taken",
  "runtime_built_in",
  "runtime_in_use",
  "config_changed"
])

const exitOf = ({ code, status }: ProblemDetails): number =>
  conflicts.has(code) ? exitCode.conflict : status === 400 ? exitCode.usage : exitCode.failed

/** A refusal goes to standard output as the document that it is, where JSON was asked for; its sentence always to the other. */
const explained = (json: boolean) => (refused: Refused | CommandFailure) =>
  refused._tag === "CommandFailure"
    ? Effect.fail(refused)
    : Effect.andThen(
        json ? Console.log(JSON.stringify(refused.details)) : Effect.void,
        fail(Text.refusal(refused.details), exitOf(refused.details))
      )

const accessToken = Effect.fnUntraced(function* (folder: string, ref: Option.Option<string>) {
  if (Option.isNone(ref)) return undefined
  const name = yield* Effect.mapError(Schema.decodeEffect(SecretRef)(ref.value), () =>
    usage("--access-token-ref takes env:NAME, file:PATH or local:NAME.")
  )
  return yield* Effect.flatMap(SecretResolver, (secrets) => secrets.resolve(name)).pipe(
    Effect.mapError(({ message }) => fail(`--access-token-ref cannot be resolved. ${message}`)),
    Effect.provide(Workspace.layer(folder))
  )
})

/** Runs a command on what the flags name. */
const on = Effect.fnUntraced(function* (
  given: Common,
  command: (target: Target) => Effect.Effect<void, Refused | CommandFailure>
) {
  if (Option.isSome(given.token)) return yield* usage(onCommandLine)
  if (given.further.length > 0) return yield* usage("There is one argument too many.")
  if (Option.isNone(given.url)) {
    if (Option.isSome(given.accessTokenRef)) return yield* usage("--access-token-ref needs --url.")
    return yield* OfFile.use(given.workspace, command).pipe(Effect.catch(explained(given.json)))
  }
  const url = normalise(given.url.value)
  if (Result.isFailure(url))
    return yield* usage("--url takes the address of a backend, for instance http://127.0.0.1:8787.")
  const token = yield* accessToken(given.workspace, given.accessTokenRef)
  return yield* OfUrl.use(url.success, token, command).pipe(Effect.catch(explained(given.json)))
})

const print = (given: Common, answer: unknown, lines: ReadonlyArray<string>) =>
  given.json
    ? Console.log(JSON.stringify(answer))
    : Effect.forEach(lines, (line) => Console.log(line), { discard: true })

const parseOptions = (given: Option.Option<string>) =>
  Option.match(given, {
    onNone: () => Effect.void,
    onSome: (text) =>
      Effect.mapError(Schema.decodeEffect(Schema.fromJsonString(Schema.Record(Schema.String, Schema.Json)))(text), () =>
        usage("--options takes a JSON object.")
      )
  })

interface Members {
  readonly endpoint: Option.Option<string>
  readonly displayName: Option.Option<string>
  readonly tokenRef: Option.Option<string>
  readonly options: Option.Option<string>
}

/** The members that were given, under their names in the API. */
const membersOf = Effect.fnUntraced(function* (given: Members) {
  const options = yield* parseOptions(given.options)
  const named = {
    endpoint: Option.getOrUndefined(given.endpoint),
    display_name: Option.getOrUndefined(given.displayName),
    token_ref: Option.getOrUndefined(given.tokenRef),
    options
  }
  return Object.fromEntries(Object.entries(named).filter(([, value]) => value !== undefined))
})

const list = Command.make("list", common, (given) =>
  on(given, (target) =>
    Effect.gen(function* () {
      const listed = yield* target.list
      yield* print(given, listed, Text.list(listed))
    })
  )
).pipe(Command.withDescription("List the connections"))

const add = Command.make("add", { id, kind, ...members, ...writing, ...common }, (given) =>
  on(given, (target) =>
    Effect.gen(function* () {
      const draft = {
        id: given.id,
        ...Option.match(given.kind, { onNone: () => ({}), onSome: (it) => ({ kind: it }) })
      }
      const answer = yield* target.add({ ...draft, ...(yield* membersOf(given)) }, given)
      yield* print(given, answer, Text.written(given.id, "was added", answer))
    })
  )
).pipe(Command.withDescription("Add a connection"))

const unset = Flag.Literals("unset", ["display_name", "token_ref", "options"]).pipe(
  Flag.withDescription("Take a member away; may be given several times"),
  Flag.atLeast(0)
)

const edit = Command.make("edit", { id, ...members, unset, ...writing, ...common }, (given) =>
  on(given, (target) =>
    Effect.gen(function* () {
      const gone = Object.fromEntries(given.unset.map((name) => [name, null]))
      const patch = { ...(yield* membersOf(given)), ...gone }
      if (Object.keys(patch).length === 0) return yield* usage("Say what to change, for instance --endpoint URL.")
      const answer = yield* target.edit(given.id, patch, given)
      yield* print(given, answer, Text.written(given.id, "was changed", answer))
    })
  )
).pipe(Command.withDescription("Change a connection"))

const remove = Command.make("remove", { id, ...writing, ...common }, (given) =>
  on(given, (target) =>
    Effect.gen(function* () {
      const answer = yield* target.remove(given.id, given)
      yield* print(given, answer, Text.written(given.id, "was removed", answer))
    })
  )
).pipe(Command.withDescription("Remove a connection"))

const draftId = "draft"

const test = Command.make("test", { id: Argument.optional(id), kind, ...members, ...common }, (given) =>
  on(given, (target) =>
    Effect.gen(function* () {
      const described = yield* membersOf(given)
      const isDraft = Option.isSome(given.kind) || Object.keys(described).length > 0
      if (!isDraft && Option.isNone(given.id))
        return yield* usage("Name a connection, or describe one with --endpoint URL.")
      const onStep = given.json
        ? () => Effect.void
        : (it: Parameters<typeof Text.step>[0]) => Console.log(Text.step(it))
      const named = Option.getOrElse(given.id, () => draftId)
      const kindOf = Option.match(given.kind, { onNone: () => ({}), onSome: (it) => ({ kind: it }) })
      const report = isDraft
        ? yield* target.testDraft({ id: named, ...kindOf, ...described }, onStep)
        : yield* target.test(named, onStep)
      yield* print(given, report, Text.verdict(report))
      if (!report.compatible) return yield* fail("", exitCode.incompatible)
    })
  )
).pipe(
  Command.withDescription(
    "Test a connection, or one that is described by flags. Writes nothing; exit code 3 = not compatible"
  )
)

const apply = Command.make("apply", { force: writing.force, ...common }, (given) =>
  on(given, (target) =>
    Effect.gen(function* () {
      const answer = yield* target.apply(given.force)
      yield* print(given, answer, Text.applied(answer))
      if (answer.diagnostics.length > 0) return yield* fail("Not every connection could be made live.")
    })
  )
).pipe(Command.withDescription("Make what is written live in a backend that runs; needs --url"))

const exported = Command.make("export", common, (given) =>
  on(given, (target) =>
    Effect.gen(function* () {
      const toml = yield* target.export
      yield* print(given, { toml }, toml === "" ? [] : [toml.trimEnd()])
    })
  )
).pipe(Command.withDescription("Print the connections as the config file has them, without secrets"))

export const connections = Command.make("connections").pipe(
  Command.withDescription("The connections to runtimes on this and other machines"),
  Command.withSubcommands([list, add, edit, remove, test, apply, exported])
)
