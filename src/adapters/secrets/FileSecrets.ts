/** Secrets in files of their own: `file:PATH`. A file that others can read holds no secret, and is refused. */
import { Effect, FileSystem, Layer, Option, Path, Redacted } from "effect"
import { maxSecretBytes, SecretResolver, unresolvable } from "../../domain/SecretResolver.ts"

export interface Options {
  /** Folders that files may be in, links followed; undefined = anywhere, which is for references that no API can set. */
  readonly roots?: ReadonlyArray<string>
}

/** Read, write and search by group and others. */
const othersMask = 0o077

const within = Effect.fnUntraced(function* (real: string, roots: ReadonlyArray<string>) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  for (const root of roots) {
    const folder = yield* Effect.option(fs.realPath(root))
    if (Option.isSome(folder) && real.startsWith(folder.value + path.sep)) return true
  }
  return false
})

const read = Effect.fnUntraced(function* (rest: string, roots: ReadonlyArray<string> | undefined) {
  const fs = yield* FileSystem.FileSystem
  const real = yield* fs.realPath(rest)
  if (roots !== undefined && !(yield* within(real, roots))) return yield* unresolvable("outside_allowed_folders")
  // A pipe would block the open: look first, and again at what was opened.
  if ((yield* fs.stat(real)).type !== "File") return yield* unresolvable("unreadable")
  const file = yield* fs.open(real, { flag: "r" })
  const { mode, size, type } = yield* file.stat
  if (type !== "File") return yield* unresolvable("unreadable")
  if ((mode & othersMask) !== 0) return yield* unresolvable("readable_by_others")
  if (size > BigInt(maxSecretBytes + 2)) return yield* unresolvable("too_large")
  const bytes = yield* file.readAlloc(maxSecretBytes + 2)
  return Redacted.make(Option.match(bytes, { onNone: () => "", onSome: (some) => new TextDecoder().decode(some) }))
})

export const layer = (options: Options = {}) =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const secrets = yield* SecretResolver
      const services = yield* Effect.context<FileSystem.FileSystem | Path.Path>()
      yield* secrets.register({
        scheme: "file",
        resolve: (rest) =>
          read(rest, options.roots).pipe(
            Effect.scoped,
            Effect.catchTag("PlatformError", () => Effect.fail(unresolvable("unreadable"))),
            Effect.provideContext(services)
          )
      })
    })
  )
