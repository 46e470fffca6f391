/**
 * Secrets that belong to one workspace, in a folder of its own: each in a file of mode 0600, encrypted with AES-256-GCM
 * under a key beside them. The encryption keeps a secret out of backups and searches that miss the key; whoever can read
 * the key file can read them all.
 */
import { createCipheriv, createDecipheriv, randomBytes, randomUUID } from "node:crypto"
import { Effect, FileSystem, Path, Redacted } from "effect"
import type { PlatformError } from "effect/PlatformError"
import { maxSecretBytes, unresolvable } from "../../domain/SecretResolver.ts"
import * as PrivateFile from "./PrivateFile.ts"
import { refusal } from "./StoreRefused.ts"

/** One grammar for names: they are file names, so no separator and no dot at the start. */
export const namePattern = /^[A-Za-z0-9][A-Za-z0-9_-]{0,95}$/

/** Names that are listed at most. */
export const maxListed = 1_000

const fileMode = 0o600
const folderMode = 0o700
/** Write by group and others: they could put files of their own in the place of ours. */
const foreignWrites = 0o022

const keyName = "store.key"
const suffix = ".secret"

/** Start of every file, so that a later format can be told apart. */
const format = Buffer.from("yoi-secret-1\n")
const keyBytes = 32
const nonceBytes = 12
const tagBytes = 16
const headBytes = format.length + nonceBytes + tagBytes

/** A file that was moved to another name does not decrypt. */
const associated = (name: string) => Buffer.from(`local:${name}`)

const seal = (key: Uint8Array, name: string, secret: string): Buffer => {
  const nonce = randomBytes(nonceBytes)
  const cipher = createCipheriv("aes-256-gcm", key, nonce).setAAD(associated(name))
  const text = Buffer.concat([cipher.update(secret, "utf8"), cipher.final()])
  return Buffer.concat([format, nonce, cipher.getAuthTag(), text])
}

const open = (key: Uint8Array, name: string, bytes: Uint8Array) =>
  Effect.try({
    try: () => {
      const sealed = Buffer.from(bytes)
      if (sealed.length < headBytes || !sealed.subarray(0, format.length).equals(format)) throw new Error("format")
      const nonce = sealed.subarray(format.length, format.length + nonceBytes)
      const decipher = createDecipheriv("aes-256-gcm", key, nonce, { authTagLength: tagBytes })
      decipher.setAAD(associated(name)).setAuthTag(sealed.subarray(headBytes - tagBytes, headBytes))
      return Redacted.make(Buffer.concat([decipher.update(sealed.subarray(headBytes)), decipher.final()]).toString())
    },
    catch: () => unresolvable("damaged")
  })

const isMissing = (error: PlatformError): boolean => error.reason._tag === "NotFound"

const syncFolder = Effect.fnUntraced(function* (folder: string) {
  const fs = yield* FileSystem.FileSystem
  const handle = yield* fs.open(folder, { flag: "r" })
  yield* handle.sync
}, Effect.scoped)

/** Written whole beside its place before `place` moves it there; gone when that fails. */
const written = Effect.fnUntraced(function* <E, R>(
  folder: string,
  bytes: Uint8Array,
  place: (temporary: string) => Effect.Effect<void, E, R>
) {
  const fs = yield* FileSystem.FileSystem
  const { join } = yield* Path.Path
  const temporary = join(folder, `.${randomUUID()}.tmp`)
  const write = Effect.gen(function* () {
    const file = yield* fs.open(temporary, { flag: "wx", mode: fileMode })
    yield* file.writeAll(bytes)
    yield* file.sync
  }).pipe(Effect.scoped)
  yield* Effect.uninterruptible(
    Effect.andThen(write, place(temporary)).pipe(Effect.ensuring(Effect.ignore(fs.remove(temporary, { force: true }))))
  )
  yield* syncFolder(folder)
})

const readKey = Effect.fnUntraced(function* (folder: string) {
  const { join } = yield* Path.Path
  const key = yield* PrivateFile.read(join(folder, keyName), keyBytes)
  return key.length === keyBytes ? key : yield* unresolvable("damaged")
})

/** The store's key, made with the first secret. Of two that make one at the same time, the second uses the first's. */
const ensureKey = Effect.fnUntraced(function* (folder: string) {
  const fs = yield* FileSystem.FileSystem
  const { join } = yield* Path.Path
  yield* fs.makeDirectory(folder, { recursive: true, mode: folderMode })
  return yield* readKey(folder).pipe(
    Effect.catchTag("PlatformError", (error) =>
      isMissing(error)
        ? written(folder, randomBytes(keyBytes), (temporary) =>
            fs.link(temporary, join(folder, keyName)).pipe(
              Effect.catchIf(
                (linked) => linked.reason._tag === "AlreadyExists",
                () => Effect.void
              )
            )
          ).pipe(Effect.andThen(readKey(folder)))
        : Effect.fail(error)
    )
  )
})

const checkFolder = Effect.fnUntraced(function* (folder: string) {
  const fs = yield* FileSystem.FileSystem
  const { mode, type } = yield* fs.stat(folder)
  if (type !== "Directory") return yield* unresolvable("unreadable")
  if ((mode & foreignWrites) !== 0) return yield* unresolvable("readable_by_others")
})

/** Fails with `not_set`, `readable_by_others`, `damaged`, `too_large` or `unreadable`. */
export const resolve = Effect.fnUntraced(
  function* (folder: string, name: string) {
    const { join } = yield* Path.Path
    if (!namePattern.test(name)) return yield* unresolvable("not_set")
    yield* checkFolder(folder)
    const sealed = yield* PrivateFile.read(join(folder, name + suffix), headBytes + maxSecretBytes)
    return yield* open(yield* readKey(folder), name, sealed)
  },
  Effect.catchTag("PlatformError", (error) => Effect.fail(unresolvable(isMissing(error) ? "not_set" : "unreadable")))
)

/** Stores or replaces a secret: readers find the old one or the new one, and it survives a power cut. */
export const set = Effect.fn("LocalStore.set")(function* (
  folder: string,
  name: string,
  secret: Redacted.Redacted<string>
) {
  const fs = yield* FileSystem.FileSystem
  const { join } = yield* Path.Path
  const key = yield* ensureKey(folder)
  yield* checkFolder(folder)
  const sealed = seal(key, name, Redacted.value(secret))
  yield* written(folder, sealed, (temporary) => fs.rename(temporary, join(folder, name + suffix)))
}, Effect.mapError(refusal))

/** The names, sorted; never a value. Empty when there is no store yet. */
export const list = Effect.fn("LocalStore.list")(function* (folder: string) {
  const fs = yield* FileSystem.FileSystem
  const files = yield* fs.readDirectory(folder).pipe(Effect.catchIf(isMissing, () => Effect.succeed([])))
  return files
    .filter((file) => file.endsWith(suffix))
    .map((file) => file.slice(0, -suffix.length))
    .filter((name) => namePattern.test(name))
    .toSorted()
    .slice(0, maxListed)
}, Effect.mapError(refusal))

/** `false` when there was none. */
export const remove = Effect.fn("LocalStore.remove")(function* (folder: string, name: string) {
  const fs = yield* FileSystem.FileSystem
  const { join } = yield* Path.Path
  const removed = yield* fs.remove(join(folder, name + suffix)).pipe(
    Effect.as(true),
    Effect.catchIf(isMissing, () => Effect.succeed(false))
  )
  if (removed) yield* syncFolder(folder)
  return removed
}, Effect.mapError(refusal))
