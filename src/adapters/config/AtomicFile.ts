/** Reads a small text file with a revision, and replaces it whole, durably, and only if it is still the one that was read. */
import { createHash, randomUUID } from "node:crypto"
import { basename, dirname, join } from "node:path"
import { Effect, FileSystem, Option } from "effect"
import type { PlatformError } from "effect/PlatformError"
import { errno, FileRefused, fromPlatform } from "./FileRefused.ts"
import * as LockFile from "./LockFile.ts"
import { MAX_FILE_BYTES } from "./TomlBounds.ts"

/** Revision of a file that does not exist. */
export const ABSENT = "absent"

/** Mode of a file and of a folder that are made here: for the owner only. */
const NEW_FILE_MODE = 0o600
const NEW_FOLDER_MODE = 0o700

export interface FileSnapshot {
  /** Empty when the file does not exist. */
  readonly text: string
  /** SHA-256 of the bytes in hex, or `ABSENT`. */
  readonly revision: string
  /** Permission bits, or nothing when the file does not exist. */
  readonly mode: number | undefined
}

const refuse = (reason: FileRefused["reason"]) => Effect.fail(new FileRefused({ reason }))

const hash = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex")

/** Where the file really is, through symbolic links; nothing when there is none. */
const resolve = Effect.fnUntraced(
  function* (path: string) {
    const fs = yield* FileSystem.FileSystem
    const real = yield* fs.realPath(path).pipe(
      Effect.asSome,
      Effect.catchIf(
        (error) => error.reason._tag === "NotFound",
        () => Effect.succeedNone
      )
    )
    if (Option.isSome(real)) return real
    const link = yield* fs.lstat(path).pipe(
      Effect.as(true),
      Effect.catchIf(
        (error) => error.reason._tag === "NotFound",
        () => Effect.succeed(false)
      )
    )
    return link ? yield* refuse("dangling_symlink") : Option.none<string>()
  },
  Effect.catchTag("PlatformError", (error) => Effect.fail(fromPlatform(error)))
)

const checkKind = (info: FileSystem.File.Info) =>
  info.type === "Directory" ? refuse("is_directory") : info.type === "File" ? Effect.void : refuse("not_a_file")

/**
 * Reads at most one byte more than the bound, so that a file that grows meanwhile cannot fill the memory.
 *
 * @param size what the file was when it was opened; room for the bound itself would be garbage of a megabyte a second
 */
const readBytes = Effect.fnUntraced(function* (file: FileSystem.File, size: number) {
  let buffer = new Uint8Array(Math.min(size, MAX_FILE_BYTES) + 1)
  let length = 0
  while (true) {
    const read = Number(yield* file.read(buffer.subarray(length)))
    if (read === 0) break
    length += read
    if (length > MAX_FILE_BYTES) return yield* refuse("too_large")
    if (length < buffer.length) continue
    const more = new Uint8Array(MAX_FILE_BYTES + 1)
    more.set(buffer)
    buffer = more
  }
  return buffer.subarray(0, length)
})

const decode = Effect.fnUntraced(function* (bytes: Uint8Array) {
  if (bytes.includes(0)) return yield* refuse("contains_nul")
  return yield* Effect.try({
    try: () => new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes),
    catch: () => new FileRefused({ reason: "invalid_utf8" })
  })
})

const readReal = Effect.fnUntraced(
  function* (real: string) {
    const fs = yield* FileSystem.FileSystem
    // Asked before the file is opened: opening a FIFO would wait for its other end.
    yield* checkKind(yield* fs.stat(real))
    const file = yield* fs.open(real, { flag: "r", noFollow: true })
    const info = yield* file.stat
    yield* checkKind(info)
    const bytes = yield* readBytes(file, Number(info.size))
    return { text: yield* decode(bytes), revision: hash(bytes), mode: info.mode & 0o777, info }
  },
  Effect.scoped,
  Effect.catchTag("PlatformError", (error) => Effect.fail(fromPlatform(error)))
)

const absent: FileSnapshot = { text: "", revision: ABSENT, mode: undefined }

/** Reads the file at `path`, following symbolic links. A file that does not exist is not a failure. */
export const read = Effect.fnUntraced(function* (path: string) {
  const real = yield* resolve(path)
  if (Option.isNone(real)) return absent
  const { text, revision, mode } = yield* readReal(real.value)
  return { text, revision, mode } satisfies FileSnapshot
})

const syncFolder = Effect.fnUntraced(
  function* (folder: string) {
    const fs = yield* FileSystem.FileSystem
    const handle = yield* fs.open(folder, { flag: "r" })
    yield* handle.sync
  },
  Effect.scoped,
  // Some file systems have no fsync for folders and say so; they order renames on their own.
  Effect.catchIf(
    (error: PlatformError) => ["EINVAL", "ENOTSUP"].includes(errno(error) ?? ""),
    () => Effect.void
  )
)

/** The file to replace, behind symbolic links; makes the folder when it is missing. */
const resolveTarget = Effect.fnUntraced(function* (path: string) {
  const fs = yield* FileSystem.FileSystem
  const real = yield* resolve(path)
  if (Option.isSome(real)) return { target: real.value, madeFolder: false }
  const folder = dirname(path)
  const exists = yield* fs.exists(folder)
  if (!exists) yield* fs.makeDirectory(folder, { recursive: true, mode: NEW_FOLDER_MODE })
  return { target: join(yield* fs.realPath(folder), basename(path)), madeFolder: !exists }
})

const current = Effect.fnUntraced(function* (target: string) {
  const fs = yield* FileSystem.FileSystem
  return (yield* fs.exists(target)) ? yield* readReal(target) : { ...absent, info: undefined }
})

const writeTemporary = Effect.fnUntraced(function* (
  temporary: string,
  bytes: Uint8Array,
  replaced: FileSystem.File.Info | undefined
) {
  const fs = yield* FileSystem.FileSystem
  const file = yield* fs.open(temporary, { flag: "wx", mode: NEW_FILE_MODE })
  yield* file.writeAll(bytes)
  if (replaced !== undefined) {
    const made = yield* file.stat
    const [uid, gid] = [Option.getOrElse(replaced.uid, () => 0), Option.getOrElse(replaced.gid, () => 0)]
    if (uid !== Option.getOrElse(made.uid, () => uid) || gid !== Option.getOrElse(made.gid, () => gid)) {
      yield* fs.chown(temporary, uid, gid)
    }
    yield* fs.chmod(temporary, replaced.mode & 0o777)
  }
  yield* file.sync
}, Effect.scoped)

const swap = Effect.fnUntraced(function* (target: string, expected: string, bytes: Uint8Array) {
  const fs = yield* FileSystem.FileSystem
  const before = yield* current(target)
  if (before.revision !== expected) return yield* refuse("changed")
  // A rename would replace a file that its owner has made read-only.
  if (before.info !== undefined) yield* fs.access(target, { writable: true })
  const temporary = join(dirname(target), `.${basename(target)}.${randomUUID()}.tmp`)
  yield* Effect.gen(function* () {
    yield* writeTemporary(temporary, bytes, before.info)
    // Editors take no lock: what was saved while the temporary file was written is seen here, directly before the rename.
    if ((yield* current(target)).revision !== expected) return yield* refuse("changed")
    yield* fs.rename(temporary, target)
  }).pipe(Effect.onError(() => Effect.ignore(fs.remove(temporary, { force: true }))))
  yield* syncFolder(dirname(target)).pipe(
    Effect.mapError((cause) => new FileRefused({ reason: "not_confirmed", cause }))
  )
  return {
    text: new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes),
    revision: hash(bytes),
    mode: before.mode ?? NEW_FILE_MODE
  }
})

/**
 * Replaces the file at `path` with `text` if its revision is `expected`; `ABSENT` creates it. Readers see the old file
 * or the new one, never a part. Mode, owner and a symbolic link in the path are kept. Fails with `changed` when the file
 * is another one than expected, and leaves it and no temporary file behind on every failure.
 */
export const replace = Effect.fn("AtomicFile.replace")(
  function* (path: string, expected: string, text: string) {
    const bytes = new TextEncoder().encode(text)
    if (!text.isWellFormed()) return yield* refuse("invalid_utf8")
    if (bytes.length > MAX_FILE_BYTES) return yield* refuse("too_large")
    const { target, madeFolder } = yield* resolveTarget(path)
    const lock = join(dirname(target), `.${basename(target)}.lock`)
    const written: FileSnapshot = yield* LockFile.hold(lock, Effect.uninterruptible(swap(target, expected, bytes)))
    if (madeFolder) yield* syncFolder(dirname(dirname(target)))
    return written
  },
  Effect.catchTag("PlatformError", (error) => Effect.fail(fromPlatform(error)))
)
