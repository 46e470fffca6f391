import { spawn } from "node:child_process"
import { existsSync } from "node:fs"
import * as fs from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Fiber, FileSystem, Layer, PlatformError } from "effect"
import { TestClock } from "effect/testing"
import * as AtomicFile from "./AtomicFile.ts"
import * as LockFile from "./LockFile.ts"
import { MAX_FILE_BYTES } from "./TomlBounds.ts"

const isRoot = process.getuid?.() === 0
const writer = fileURLToPath(new URL("fileWriter.fixture.ts", import.meta.url))

const promise = <A>(run: () => Promise<A>) => Effect.promise(run)

/** A folder that is removed again, whatever modes the test left in it. */
const folder = Effect.acquireRelease(
  promise(() => fs.mkdtemp(join(tmpdir(), "atomic-file-"))),
  (path) => promise(() => fs.chmod(path, 0o700).then(() => fs.rm(path, { recursive: true, force: true })))
)

const file = (text: string | Uint8Array) =>
  Effect.gen(function* () {
    const dir = yield* folder
    const path = join(dir, "config.toml")
    yield* promise(() => fs.writeFile(path, text))
    return { dir, path }
  })

const refusal = <A, R>(effect: Effect.Effect<A, { readonly reason: string; readonly message: string }, R>) =>
  Effect.map(Effect.flip(effect), (error) => error.reason)

const names = (dir: string) => promise(() => fs.readdir(dir).then((names) => names.toSorted()))
const textOf = (path: string) => promise(() => fs.readFile(path, "utf8"))

const fault = (method: string, code: string) =>
  PlatformError.systemError({
    _tag: code === "EACCES" ? "PermissionDenied" : "Unknown",
    module: "FileSystem",
    method,
    pathOrDescriptor: "/a/secret/path",
    cause: Object.assign(new Error("/a/secret/path"), { code })
  })

type Files = FileSystem.FileSystem

/** The real file system with some operations failing. */
const faulty = (change: (fs: Files) => Partial<Files>) =>
  Layer.effect(
    FileSystem.FileSystem,
    Effect.map(FileSystem.FileSystem, (real) => ({ ...real, ...change(real) }))
  ).pipe(Layer.provide(NodeFileSystem.layer))

/** Files opened for writing fail in one of their operations. */
const faultyFile = (operation: "writeAll" | "sync", code: string) =>
  faulty((real) => ({
    open: (path, options) =>
      Effect.map(real.open(path, options), (file): FileSystem.File => {
        const failure = Effect.fail(fault(operation, code))
        const value = operation === "sync" ? failure : () => failure
        return options?.flag === "wx" ? Object.create(file, { [operation]: { value } }) : file
      })
  }))

/** Moves the test clock on until the fiber ends; what it waits for between is real input and output. */
const settle = Effect.fnUntraced(function* <A, E>(fiber: Fiber.Fiber<A, E>) {
  while (fiber.pollUnsafe() === undefined) {
    yield* TestClock.adjust("20 millis")
    yield* promise(() => new Promise((resolve) => setImmediate(resolve)))
  }
  return yield* Fiber.join(fiber)
})

/** Runs the fixture until it ends; its process ends with the test. */
const run = (...args: ReadonlyArray<string>) =>
  Effect.callback<number | null>((resume) => {
    const child = spawn(process.execPath, [writer, ...args], { stdio: ["ignore", "ignore", "inherit"] })
    child.on("close", (code) => resume(Effect.succeed(code)))
    return Effect.sync(() => child.kill("SIGKILL"))
  })

describe("AtomicFile", () => {
  it.layer(NodeFileSystem.layer)((it) => {
    it.effect("what was written is read back with the revision that the write returned", () =>
      Effect.gen(function* () {
        const { path } = yield* file("\uFEFFa = 1\r\n")
        const before = yield* AtomicFile.read(path)
        assert.strictEqual(before.text, "\uFEFFa = 1\r\n")
        const written = yield* AtomicFile.replace(path, before.revision, "\uFEFFa = 2\r\n")
        assert.deepStrictEqual(yield* AtomicFile.read(path), written)
        assert.strictEqual(yield* textOf(path), "\uFEFFa = 2\r\n")
      })
    )

    it.effect("a missing file is absent, and the first write makes it and its folder for the owner only", () =>
      Effect.gen(function* () {
        const dir = yield* folder
        const path = join(dir, "made", "config.toml")
        assert.strictEqual((yield* AtomicFile.read(path)).revision, AtomicFile.ABSENT)
        yield* AtomicFile.replace(path, AtomicFile.ABSENT, "a = 1\n")
        assert.strictEqual((yield* promise(() => fs.stat(path))).mode & 0o777, 0o600)
        assert.strictEqual((yield* promise(() => fs.stat(join(dir, "made")))).mode & 0o777, 0o700)
        assert.deepStrictEqual(yield* names(join(dir, "made")), ["config.toml"])
        assert.strictEqual(yield* refusal(AtomicFile.replace(path, AtomicFile.ABSENT, "b")), "changed")
      })
    )

    it.effect("the mode is kept, whatever the umask", () =>
      Effect.gen(function* () {
        for (const mode of [0o600, 0o640, 0o666]) {
          const { path } = yield* file("a")
          yield* promise(() => fs.chmod(path, mode))
          yield* AtomicFile.replace(path, (yield* AtomicFile.read(path)).revision, "b")
          assert.strictEqual((yield* promise(() => fs.stat(path))).mode & 0o777, mode)
        }
      })
    )

    it.effect("a symbolic link stays one, and the file behind it is replaced in its own folder", () =>
      Effect.gen(function* () {
        const { dir, path } = yield* file("a")
        const elsewhere = yield* folder
        const link = join(elsewhere, "link.toml")
        yield* promise(() => fs.symlink(path, link))
        yield* AtomicFile.replace(link, (yield* AtomicFile.read(link)).revision, "b")
        assert.strictEqual(yield* textOf(path), "b")
        assert.strictEqual(yield* promise(() => fs.readlink(link)), path)
        assert.deepStrictEqual([yield* names(dir), yield* names(elsewhere)], [["config.toml"], ["link.toml"]])
      })
    )

    it.effect("what is no readable text file is refused by its own reason, for reading and for writing", () =>
      Effect.gen(function* () {
        const dir = yield* folder
        const at = (name: string) => join(dir, name)
        yield* promise(async () => {
          await fs.mkdir(at("is_directory"))
          await fs.symlink(at("nowhere"), at("dangling_symlink"))
          await fs.symlink(at("loop"), at("loop"))
          await fs.writeFile(at("too_large"), "#".repeat(10 * MAX_FILE_BYTES))
          await fs.writeFile(at("contains_nul"), "a = 1\u0000")
          await fs.writeFile(at("invalid_utf8"), Buffer.from([0x61, 0xff, 0xfe]))
          await fs.writeFile(at("latin1"), Buffer.from('name = "caf\u00e9"', "latin1"))
        })
        const fifo = spawn("mkfifo", [at("not_a_file")])
        yield* Effect.callback<void>((resume) => {
          fifo.on("close", () => resume(Effect.void))
        })
        const cases = { loop: "dangling_symlink", latin1: "invalid_utf8" } as Record<string, string>
        for (const name of yield* names(dir)) {
          const reason = cases[name] ?? name
          assert.strictEqual(yield* refusal(AtomicFile.read(at(name))), reason, name)
          assert.strictEqual(yield* refusal(AtomicFile.replace(at(name), AtomicFile.ABSENT, "a")), reason, name)
          const error = yield* Effect.flip(AtomicFile.read(at(name)))
          assert.notInclude(error.message, dir)
        }
        assert.strictEqual((yield* names(dir)).length, 8)
        assert.strictEqual((yield* promise(() => fs.stat(at("too_large")))).size, 10 * MAX_FILE_BYTES)
      })
    )

    it.effect("a file of exactly the bound is read, and more is not written", () =>
      Effect.gen(function* () {
        const { path } = yield* file("#".repeat(MAX_FILE_BYTES))
        const { revision, text } = yield* AtomicFile.read(path)
        assert.strictEqual(text.length, MAX_FILE_BYTES)
        assert.strictEqual(yield* refusal(AtomicFile.replace(path, revision, `${text}#`)), "too_large")
        assert.strictEqual(yield* refusal(AtomicFile.replace(path, revision, "\ud800")), "invalid_utf8")
        assert.strictEqual((yield* AtomicFile.read(path)).revision, revision)
      })
    )

    it.effect("a change by hand since the read is refused and kept", () =>
      Effect.gen(function* () {
        const { dir, path } = yield* file("a")
        const { revision } = yield* AtomicFile.read(path)
        yield* promise(() => fs.writeFile(path, "by hand"))
        assert.strictEqual(yield* refusal(AtomicFile.replace(path, revision, "b")), "changed")
        yield* promise(() => fs.rm(path))
        assert.strictEqual(yield* refusal(AtomicFile.replace(path, revision, "b")), "changed")
        assert.deepStrictEqual(yield* names(dir), [])
      })
    )

    it.effect.skipIf(isRoot)(
      "a read-only file, a read-only folder and an unreadable file are refused and untouched",
      () =>
        Effect.gen(function* () {
          const { dir, path } = yield* file("a")
          const { revision } = yield* AtomicFile.read(path)
          yield* promise(() => fs.chmod(path, 0o444))
          assert.strictEqual(yield* refusal(AtomicFile.replace(path, revision, "b")), "permission_denied")
          yield* promise(() => fs.chmod(path, 0o600).then(() => fs.chmod(dir, 0o500)))
          assert.strictEqual(yield* refusal(AtomicFile.replace(path, revision, "b")), "permission_denied")
          yield* promise(() => fs.chmod(path, 0))
          assert.strictEqual(yield* refusal(AtomicFile.read(path)), "permission_denied")
        })
    )

    it.effect("the lock of a living process is waited for, and in the end refused", () =>
      Effect.gen(function* () {
        const { dir, path } = yield* file("a")
        const lock = join(dir, ".config.toml.lock")
        const { revision } = yield* AtomicFile.read(path)
        const waiting = yield* LockFile.hold(
          lock,
          Effect.gen(function* () {
            return yield* settle(yield* Effect.forkChild(refusal(AtomicFile.replace(path, revision, "b"))))
          })
        )
        assert.strictEqual(waiting, "locked")
        assert.deepStrictEqual(yield* names(dir), ["config.toml"])
        yield* AtomicFile.replace(path, revision, "b")
      })
    )

    it.effect("a lock that names nobody who can be asked is kept until it is old", () =>
      Effect.gen(function* () {
        const { dir, path } = yield* file("a")
        const lock = join(dir, ".config.toml.lock")
        const { revision } = yield* AtomicFile.read(path)
        for (const text of [
          "",
          "not a lock",
          JSON.stringify({ pid: 1, started: "1", host: "another", claim: "../../x" })
        ]) {
          yield* promise(() => fs.writeFile(lock, text))
          // An hour ahead of the test clock, which runs fast while real input and output is waited for.
          const ahead = (yield* Clock.currentTimeMillis) / 1000 + 3600
          yield* promise(() => fs.utimes(lock, ahead, ahead))
          const refused = yield* settle(yield* Effect.forkChild(refusal(AtomicFile.replace(path, revision, "a"))))
          assert.strictEqual(refused, "locked")
          assert.strictEqual(yield* textOf(lock), text)
          yield* TestClock.adjust(3_600_000 + LockFile.FOREIGN_LOCK_MILLIS + 1)
          yield* settle(yield* Effect.forkChild(AtomicFile.replace(path, revision, "a")))
          assert.deepStrictEqual(yield* names(dir), ["config.toml"])
        }
      })
    )
  })

  it.layer(NodeFileSystem.layer, { excludeTestServices: true })((it) => {
    it.effect("of two writers in one process with one revision exactly one wins", () =>
      Effect.gen(function* () {
        const { path } = yield* file("a")
        const { revision } = yield* AtomicFile.read(path)
        const outcomes = yield* Effect.forEach(
          ["b", "c", "d", "e"],
          (text) =>
            AtomicFile.replace(path, revision, text).pipe(
              Effect.as("won"),
              Effect.catch((error) => Effect.succeed(error.reason))
            ),
          { concurrency: "unbounded" }
        )
        assert.deepStrictEqual(outcomes.toSorted(), ["changed", "changed", "changed", "won"])
      })
    )

    it.effect(
      "two processes that write at once lose nothing that either was told is written",
      () =>
        Effect.gen(function* () {
          const { dir, path } = yield* file("")
          const codes = yield* Effect.all([run("append", path, "one", "25"), run("append", path, "two", "25")], {
            concurrency: 2
          })
          assert.deepStrictEqual(codes, [0, 0])
          const lines = (yield* textOf(path)).trimEnd().split("\n")
          assert.strictEqual(lines.filter((line) => line === "one").length, 25)
          assert.strictEqual(lines.filter((line) => line === "two").length, 25)
          assert.deepStrictEqual(yield* names(dir), ["config.toml"])
        }),
      30_000
    )

    it.effect(
      "the lock of a process that was killed is taken over, by one writer at a time",
      () =>
        Effect.gen(function* () {
          const { dir, path } = yield* file("a")
          const child = spawn(process.execPath, [writer, "hold", path], { stdio: ["ignore", "pipe", "inherit"] })
          yield* Effect.callback<void>((resume) => {
            child.stdout.once("data", () => resume(Effect.void))
          })
          assert.isTrue(existsSync(join(dir, ".config.toml.lock")))
          yield* Effect.callback<void>((resume) => {
            child.once("close", () => resume(Effect.void))
            child.kill("SIGKILL")
          })
          const { revision } = yield* AtomicFile.read(path)
          const outcomes = yield* Effect.forEach(
            ["b", "c", "d"],
            (text) => Effect.exit(AtomicFile.replace(path, revision, text)),
            { concurrency: "unbounded" }
          )
          assert.strictEqual(outcomes.filter((exit) => exit._tag === "Success").length, 1)
          assert.deepStrictEqual(yield* names(dir), ["config.toml"])
        }),
      30_000
    )
  })

  const faults = {
    disk_full: faultyFile("writeAll", "ENOSPC"),
    io: faultyFile("sync", "EIO"),
    permission_denied: faulty(() => ({ access: () => Effect.fail(fault("access", "EACCES")) })),
    "permission_denied at the rename": faulty(() => ({ rename: () => Effect.fail(fault("rename", "EACCES")) }))
  }
  for (const [name, layer] of Object.entries(faults)) {
    it.effect(`${name}: the file is untouched and nothing is left beside it`, () =>
      Effect.gen(function* () {
        const { dir, path } = yield* file("a")
        const { revision } = yield* AtomicFile.read(path)
        const error = yield* Effect.flip(AtomicFile.replace(path, revision, "b"))
        assert.strictEqual(error.reason, name.split(" ")[0])
        assert.notInclude(error.message, "secret")
        assert.strictEqual(yield* textOf(path), "a")
        assert.deepStrictEqual(yield* names(dir), ["config.toml"])
      }).pipe(Effect.provide(layer))
    )
  }

  for (const [code, outcome] of [
    ["EIO", "not_confirmed"],
    ["EINVAL", "written"]
  ] as const) {
    const folderSyncFails = faulty((real) => ({
      open: (path, options) =>
        Effect.map(real.open(path, options), (file): FileSystem.File => {
          const value = Effect.fail(fault("sync", code))
          return path.endsWith(".tmp") || path.endsWith(".toml") ? file : Object.create(file, { sync: { value } })
        })
    }))
    it.effect(`a folder whose fsync says ${code}: ${outcome}`, () =>
      Effect.gen(function* () {
        const { dir, path } = yield* file("a")
        const { revision } = yield* AtomicFile.read(path)
        const replaced = AtomicFile.replace(path, revision, "b")
        const told = yield* Effect.match(replaced, { onFailure: ({ reason }) => reason, onSuccess: () => "written" })
        assert.strictEqual(told, outcome)
        assert.strictEqual(yield* textOf(path), "b")
        assert.deepStrictEqual(yield* names(dir), ["config.toml"])
      }).pipe(Effect.provide(folderSyncFails))
    )
  }

  it.effect("a change by hand between the write and the rename is seen and kept", () => {
    let path = ""
    return Effect.gen(function* () {
      const made = yield* file("a")
      path = made.path
      const { revision } = yield* AtomicFile.read(path)
      assert.strictEqual(yield* refusal(AtomicFile.replace(path, revision, "b")), "changed")
      assert.strictEqual(yield* textOf(path), "by hand")
      assert.deepStrictEqual(yield* names(made.dir), ["config.toml"])
    }).pipe(
      Effect.provide(
        faulty((real) => ({
          chmod: (target, mode) =>
            Effect.andThen(
              promise(() => fs.writeFile(path, "by hand")),
              real.chmod(target, mode)
            )
        }))
      )
    )
  })
})
