/** Secrets in files of their own: `file:PATH`. A file that others can read holds no secret, and is refused. */
import { Effect, FileSystem, Layer, Path, Redacted } from "effect"
import { maxSecretBytes, SecretResolver, unresolvable } from "../../domain/SecretResolver.ts"
import * as PrivateFile from "./PrivateFile.ts"

export interface Options {
  /** Folder that relative paths start at; absent = the working folder. */
  readonly base?: string
  /** Folders that references made through the API may lead into; absent = anywhere. */
  readonly roots?: ReadonlyArray<string>
  /** Files and folders of the backend itself, which no reference may lead into, whoever wrote it. */
  readonly reserved?: ReadonlyArray<string>
}

/** A secret and the line break that a person does not see. */
const maxFileBytes = maxSecretBytes + 2

const isWithin = (path: string, folder: string, separator: string): boolean =>
  path === folder || path.startsWith(folder.endsWith(separator) ? folder : folder + separator)

/** What of it exists, links followed; the whole when there is nothing yet. */
const real = Effect.fnUntraced(function* (path: string) {
  const fs = yield* FileSystem.FileSystem
  return yield* Effect.orElseSucceed(fs.realPath(path), () => path)
})

const refuseReserved = Effect.fnUntraced(function* (path: string, reserved: ReadonlyArray<string>) {
  const { sep } = yield* Path.Path
  for (const place of reserved) {
    if (isWithin(path, yield* real(place), sep)) return yield* unresolvable("reserved_place")
  }
})

const read = Effect.fnUntraced(function* (path: string, reserved: ReadonlyArray<string>) {
  const fs = yield* FileSystem.FileSystem
  const found = yield* fs.realPath(path).pipe(
    Effect.catchIf(
      (error) => error.reason._tag === "NotFound",
      () => Effect.fail(unresolvable("not_set"))
    )
  )
  yield* refuseReserved(found, reserved)
  return Redacted.make(new TextDecoder().decode(yield* PrivateFile.read(found, maxFileBytes)))
})

/** As written and, where it exists, as it is: neither may leave the roots. */
const admit = Effect.fnUntraced(function* (path: string, options: Options) {
  const { sep } = yield* Path.Path
  const found = yield* real(path)
  yield* refuseReserved(found, options.reserved ?? [])
  if (options.roots === undefined) return
  for (const root of options.roots) {
    if (path !== root && isWithin(path, root, sep) && isWithin(found, path === found ? root : yield* real(root), sep))
      return
  }
  return yield* unresolvable("outside_allowed_folders")
})

export const layer = (options: Options = {}) =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const secrets = yield* SecretResolver
      const services = yield* Effect.context<FileSystem.FileSystem | Path.Path>()
      const path = yield* Path.Path
      const resolved = (rest: string) => path.resolve(options.base ?? ".", rest)
      const roots = options.roots?.map((root) => path.resolve(root))
      yield* secrets.register({
        scheme: "file",
        resolve: (rest) =>
          read(resolved(rest), options.reserved ?? []).pipe(
            Effect.catchTag("PlatformError", () => Effect.fail(unresolvable("unreadable"))),
            Effect.provideContext(services)
          ),
        admit: (rest) =>
          admit(resolved(rest), { ...options, ...(roots === undefined ? undefined : { roots }) }).pipe(
            Effect.provideContext(services)
          )
      })
    })
  )

/** Where systems put the secrets of a service: Docker and Podman, and systemd's credentials. */
export const systemRoots = (credentialsFolder: string | undefined): ReadonlyArray<string> => [
  "/run/secrets",
  ...(credentialsFolder === undefined || credentialsFolder === "" ? [] : [credentialsFolder])
]
