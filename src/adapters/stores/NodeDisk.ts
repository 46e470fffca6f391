/** The disk of this machine through node:fs. */
import * as fs from "node:fs"
import { Effect } from "effect"
import { type Disk, DiskFailure, type Mode, type OpenFile } from "./Disk.ts"
import { lock } from "./FolderLock.ts"

const fileMode = 0o600
const folderMode = 0o700

const { O_CREAT, O_DSYNC, O_RDONLY, O_RDWR } = fs.constants
/** Here a synced write lasts as one with fdatasync behind it does. Elsewhere it says less than Node's fdatasync, or nothing. */
const syncsWrites = process.platform === "linux"
const flags: Readonly<Record<Mode, number>> = {
  read: O_RDONLY,
  write: O_RDWR | O_CREAT,
  durable: O_RDWR | O_CREAT | (syncsWrites ? O_DSYNC : 0)
}

/** The most buffers that one writev takes on Linux (IOV_MAX). */
const maxVectors = 1024

type Done<A> = (error: NodeJS.ErrnoException | null, value: A) => void

const failure = (operation: string, error: NodeJS.ErrnoException): DiskFailure =>
  new DiskFailure({ operation, code: error.code ?? "EIO" })

/** Lifts one node:fs callback call. It cannot be interrupted: a write that is under way has to be waited for. */
const call = <A = void>(operation: string, run: (done: Done<A>) => void): Effect.Effect<A, DiskFailure> =>
  Effect.uninterruptible(
    Effect.callback<A, DiskFailure>((resume) => {
      run((error, value) => resume(error === null ? Effect.succeed(value) : Effect.fail(failure(operation, error))))
    })
  )

const absent = (cause: DiskFailure): boolean => cause.code === "ENOENT"

const file = (fd: number): OpenFile => ({
  write: (bytes, position) =>
    bytes.length === 1
      ? call("write", (done) => fs.write(fd, bytes[0]!, 0, bytes[0]!.length, position, done))
      : call("write", (done) => fs.writev(fd, bytes.slice(0, maxVectors), position, done)),
  read: Effect.fnUntraced(function* (position, length) {
    const buffer = Buffer.allocUnsafe(length)
    let filled = 0
    while (filled < length) {
      const from = filled
      const taken = yield* call<number>("read", (done) =>
        fs.read(fd, buffer, from, length - from, position + from, done)
      )
      if (taken === 0) break
      filled += taken
    }
    return buffer.subarray(0, filled)
  }),
  sync: call("sync", (done) => fs.fdatasync(fd, done as fs.NoParamCallback)),
  truncate: (length) => call("truncate", (done) => fs.ftruncate(fd, length, done as fs.NoParamCallback)),
  close: Effect.ignore(call("close", (done) => fs.close(fd, done as fs.NoParamCallback)))
})

const withSync = (fd: number): OpenFile => {
  const plain = file(fd)
  return { ...plain, write: (bytes, position) => Effect.tap(plain.write(bytes, position), () => plain.sync) }
}

const sizeOf = (path: string): number | undefined => fs.statSync(path, { throwIfNoEntry: false })?.size

export const nodeDisk: Disk = {
  open: (path, mode) =>
    Effect.map(
      call<number>("open", (done) => fs.open(path, flags[mode], fileMode, done)),
      mode === "durable" && !syncsWrites ? withSync : file
    ),
  readFile: (path) => call<Buffer>("read", (done) => fs.readFile(path, done)),
  list: (folder) => call<Array<string>>("list", (done) => fs.readdir(folder, done)),
  // Thousands of stats on a warm cache take less time than the hops to the thread pool and back would.
  sizes: (paths) =>
    Effect.try({ try: () => paths.map(sizeOf), catch: (error) => failure("stat", error as NodeJS.ErrnoException) }),
  makeFolder: (path) => call("mkdir", (done) => fs.mkdir(path, { recursive: true, mode: folderMode }, (e) => done(e))),
  rename: (from, to) => call("rename", (done) => fs.rename(from, to, done as fs.NoParamCallback)),
  remove: (path) =>
    call<void>("remove", (done) => fs.rm(path, { recursive: true }, done as fs.NoParamCallback)).pipe(
      Effect.catchIf(absent, () => Effect.void)
    ),
  syncFolder: Effect.fnUntraced(function* (path) {
    const fd = yield* call<number>("open", (done) => fs.open(path, "r", done))
    yield* call("sync", (done) => fs.fsync(fd, done as fs.NoParamCallback)).pipe(
      Effect.ensuring(Effect.ignore(call("close", (done) => fs.close(fd, done as fs.NoParamCallback))))
    )
  }),
  lock
}
