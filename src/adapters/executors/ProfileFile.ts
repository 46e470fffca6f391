/** Reads the profiles of a runtime from a TOML file: `[[profiles]]`, each as `ProfileDeclaration` has it. */
import { closeSync, constants, fstatSync, openSync, readFileSync } from "node:fs"
import { Data, Effect, Schema } from "effect"
import { parse } from "toml"
import { fieldErrors } from "../../domain/api/FieldErrors.ts"
import { AcpProfile, CommandProfile, maxProfiles, type ProfileDeclaration } from "../../domain/ProfileDeclaration.ts"

/** Larger files are refused, in bytes. */
export const maxFileBytes = 262_144
/** Tables in tables, at most; the parser recurses. */
const maxDepth = 16

/** Why the file cannot be used; the sentence names places in it and never repeats what stands there. */
export class ProfileFileRefused extends Data.TaggedError("ProfileFileRefused")<{
  readonly reason: "missing" | "unreadable" | "writable_by_others" | "too_large" | "not_toml" | "invalid"
  readonly sentence: string
}> {
  override get message(): string {
    return this.sentence
  }
}

const refuse = (reason: ProfileFileRefused["reason"], sentence: string) => new ProfileFileRefused({ reason, sentence })

const File = Schema.Struct({
  profiles: Schema.Array(Schema.Unknown)
    .check(Schema.isMaxLength(maxProfiles))
    .pipe(Schema.withDecodingDefaultKey(Effect.succeed([])))
})

const strict = { onExcessProperty: "error", errors: "all" } as const

/** Who may write the file decides what runs on this machine. */
const writableByOthers = 0o022

const read = (path: string) =>
  Effect.try({
    try: () => {
      const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
      try {
        const info = fstatSync(file)
        if (!info.isFile()) throw refuse("unreadable", "The profile file is not a regular file.")
        if ((info.mode & writableByOthers) !== 0) {
          throw refuse("writable_by_others", "The profile file can be written by others; take that away (chmod 600).")
        }
        if (info.size > maxFileBytes) {
          throw refuse("too_large", `The profile file is larger than ${maxFileBytes} bytes.`)
        }
        return readFileSync(file, "utf8")
      } finally {
        closeSync(file)
      }
    },
    catch: (error) => {
      if (error instanceof ProfileFileRefused) return error
      const missing = typeof error === "object" && error !== null && "code" in error && error.code === "ENOENT"
      return missing
        ? refuse("missing", "The profile file is not there.")
        : refuse("unreadable", "The profile file cannot be read.")
    }
  })

const parsed = (text: string) =>
  Effect.try({
    try: (): unknown => parse(text, { maxDepth }),
    // The parser's own message quotes the file.
    catch: () => refuse("not_toml", "The profile file is not valid TOML.")
  })

const isAcp = Schema.is(Schema.Struct({ executor: Schema.Literal("acp") }))

/** What is wrong and where: keys and codes, never a value. */
const flaws = ({ issue }: Schema.SchemaError): string =>
  fieldErrors(issue)
    .map(({ code, pointer }) => `${pointer === "" ? "the table" : pointer} ${code}`)
    .join(", ")

const declaration = (profile: unknown): Effect.Effect<ProfileDeclaration, Schema.SchemaError> =>
  isAcp(profile)
    ? Schema.decodeUnknownEffect(AcpProfile)(profile, strict)
    : Schema.decodeUnknownEffect(CommandProfile)(profile, strict)

export const decode = Effect.fnUntraced(function* (text: string) {
  const model = yield* parsed(text)
  const { profiles } = yield* Schema.decodeUnknownEffect(File)(model, strict).pipe(
    Effect.mapError(() =>
      refuse("invalid", `The profile file holds [[profiles]] tables, at most ${maxProfiles}, and nothing else.`)
    )
  )
  const decoded = yield* Effect.forEach(profiles, (profile, index) =>
    Effect.mapError(declaration(profile), (error) =>
      refuse("invalid", `Profile ${index + 1} is not valid: ${flaws(error)}.`)
    )
  )
  const ids = new Set<string>()
  for (const [index, { id }] of decoded.entries()) {
    if (ids.has(id)) return yield* refuse("invalid", `Profile ${index + 1} has the id of an earlier one.`)
    ids.add(id)
  }
  return decoded
})

export const load = (path: string) => Effect.flatMap(read(path), decode)
