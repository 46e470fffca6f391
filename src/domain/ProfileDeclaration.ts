/** A profile as the owner of a runtime writes it: what to run, where, with what, and within which limits. */
import { Effect, Schema } from "effect"
import type { Profile } from "./Profile.ts"

/** Profiles in one file, at most. */
export const maxProfiles = 100
/** Words of one command line, and environment variables of each kind, at most. */
export const maxWords = 256
export const maxVariables = 128

const between = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

/** A bounded number that may be left out. */
const limit = (standard: number, minimum: number, maximum: number) =>
  between(minimum, maximum).pipe(Schema.withDecodingDefaultKey(Effect.succeed(standard)))

const hourMs = 3_600_000

/** The longest `stop_ms`, in milliseconds. */
export const maxStopMs = 30_000

/** Every member has a default; the bounds of what may be written are the bounds of what the engine can carry. */
export const Limits = Schema.Struct({
  /** One turn, in milliseconds. */
  wall_ms: limit(600_000, 10, 24 * hourMs),
  /** Silence within one turn, in milliseconds. */
  idle_ms: limit(120_000, 10, 24 * hourMs),
  /** What the program may take to be ready, in milliseconds; the engine waits 30 s for all of it. */
  start_ms: limit(20_000, 10, 25_000),
  /** Between the request to end and the end by force, in milliseconds. */
  stop_ms: limit(2_000, 0, maxStopMs),
  /** Bytes that the program may write in one turn, standard error and protocol included. */
  turn_bytes: limit(4_194_304, 256, 268_435_456),
  /** Bytes that the program may write in its life. */
  total_bytes: limit(268_435_456, 256, 2 ** 40),
  /** Bytes of one line: the rest of a longer line of text is left out, a longer message of an agent ends the agent. */
  line_bytes: limit(1_048_576, 64, 16_777_216),
  /** Workers of this profile that have a process at once. */
  concurrent_workers: limit(16, 1, 1_000),
  /** How long a permission request waits for an answer before it is rejected, in milliseconds. */
  permission_ms: limit(300_000, 10, hourMs),
  /**
   * Resident memory of the program and all that it started, in bytes. Pages that several of them share count for each:
   * the standard leaves an agent with its language server and a build room.
   */
  memory_bytes: limit(4_294_967_296, 16_777_216, 2 ** 44),
  /** Processes of the program and all that it started, dead ones that nobody collects included. */
  processes: limit(256, 1, 100_000),
  /** Processor time of the program and all that it started, in one turn or in an hour between two, in milliseconds. */
  cpu_ms: limit(hourMs, 10, 10_000 * hourMs),
  /** Messages, answers and system notes of one worker in all its turns, in bytes of UTF-8. */
  transcript_bytes: limit(67_108_864, 256, 2 ** 40)
})
export type Limits = typeof Limits.Type

export const Folder = Schema.Struct({
  /** `per_worker`: a folder of its own under `path`, made when it is missing. `shared`: `path` itself, which must exist. */
  policy: Schema.Literals(["per_worker", "shared"]),
  /** From the folder of the profile file. */
  path: Schema.String.check(Schema.isBetweenLength(1, 4_096))
})
export type Folder = typeof Folder.Type

const Variable = Schema.String.check(Schema.isPattern(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/))
const Word = Schema.String.check(Schema.isMaxLength(32_768), Schema.isPattern(/^[^\0]*$/))

/** The whole environment of the program: nothing else is handed down. */
export const Environment = Schema.Struct({
  /** Variables that are handed down from the runtime's own environment where they are set. */
  allow: Schema.Array(Variable)
    .check(Schema.isMaxLength(maxVariables))
    .pipe(Schema.withDecodingDefaultKey(Effect.succeed(["PATH", "HOME", "LANG", "TZ"]))),
  /** Variables with the values written here. */
  set: Schema.Record(Variable, Word).pipe(Schema.withDecodingDefaultKey(Effect.succeed({}))),
  /** Variables with the secrets that the references name. */
  secrets: Schema.Record(Variable, Schema.String.check(Schema.isMaxLength(1_024))).pipe(
    Schema.withDecodingDefaultKey(Effect.succeed({}))
  )
}).check(
  Schema.makeFilter(
    ({ secrets, set }) => Object.keys(set).length <= maxVariables && Object.keys(secrets).length <= maxVariables
  )
)

const common = {
  /** Browsers name it as `named:<id>`. */
  id: Schema.String.check(Schema.isPattern(/^[A-Za-z0-9][A-Za-z0-9._-]{0,95}$/)),
  label: Schema.String.check(Schema.isBetweenLength(1, 80)),
  description: Schema.String.check(Schema.isMaxLength(1_000)).pipe(Schema.withDecodingDefaultKey(Effect.succeed(""))),
  /** The program and its arguments, as they are: no shell reads them. */
  command: Schema.Array(Word).check(Schema.isBetweenLength(1, maxWords)),
  folder: Folder.pipe(Schema.withDecodingDefaultKey(Effect.succeed({ policy: "per_worker" as const, path: "work" }))),
  env: Environment.pipe(Schema.withDecodingDefaultKey(Effect.succeed({}))),
  limits: Limits.pipe(Schema.withDecodingDefaultKey(Effect.succeed({})))
}

export const CommandProfile = Schema.Struct({
  ...common,
  executor: Schema.Literal("command"),
  /**
   * `turn`: every input starts the program, which reads the input up to its end and answers until it ends. `session`: one
   * program for all inputs; a turn ends with the line `end_of_turn`, or after `quiet_ms` without output.
   */
  mode: Schema.Literals(["turn", "session"]).pipe(Schema.withDecodingDefaultKey(Effect.succeed("turn" as const))),
  end_of_turn: Schema.optionalKey(
    Schema.String.check(Schema.isBetweenLength(1, 200), Schema.isPattern(/^[^\r\n\0]*$/))
  ),
  quiet_ms: limit(500, 10, 60_000),
  /** What becomes of standard error: part of the answer, or only of the last words. */
  stderr: Schema.Literals(["show", "hide"]).pipe(Schema.withDecodingDefaultKey(Effect.succeed("show" as const)))
})
export type CommandProfile = typeof CommandProfile.Type

export const AcpProfile = Schema.Struct({
  ...common,
  executor: Schema.Literal("acp"),
  /** What becomes of the agent's permission requests: a person is asked, or all are answered alike. */
  permissions: Schema.Literals(["ask", "allow", "reject"]).pipe(
    Schema.withDecodingDefaultKey(Effect.succeed("ask" as const))
  ),
  /** What the agent may ask this side to do with files; always within the working folder. */
  files: Schema.Literals(["none", "read", "write"]).pipe(Schema.withDecodingDefaultKey(Effect.succeed("none" as const)))
})
export type AcpProfile = typeof AcpProfile.Type

export const ProfileDeclaration = Schema.Union([CommandProfile, AcpProfile])
export type ProfileDeclaration = typeof ProfileDeclaration.Type

/** @param unavailable why no worker of it can be created; undefined when one can */
export const toProfile = (declared: ProfileDeclaration, unavailable: string | undefined): Profile => ({
  selector: { kind: "named", value: declared.id },
  label: declared.label,
  description: declared.description,
  // What a program writes is laid out by its spaces; only agents write for readers of Markdown.
  ...(declared.executor === "command" ? { text_format: "plain" as const } : undefined),
  ...(unavailable === undefined ? undefined : { unavailable })
})
