/** What only a real disk and a second process can show. */
import { spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { mkdirSync, readdirSync, statSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit } from "effect"
import * as FileWorkerStore from "../../src/adapters/stores/FileWorkerStore.ts"
import { type StoreProblem, WorkerStore } from "../../src/domain/WorkerStore.ts"
import { Author } from "./Author.ts"
import { temporaryFolder } from "./temporaryFolder.ts"

const holder = fileURLToPath(new URL("holder.ts", import.meta.url))

const on = <A, E>(root: string, body: Effect.Effect<A, E, WorkerStore>): Effect.Effect<A, E | StoreProblem> =>
  Effect.provide(body, FileWorkerStore.layer({ root }), { local: true })

/** Another process that has the store open; killed with the scope. */
const otherProcess = (root: string) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const child = spawn(process.execPath, [holder, root], { stdio: ["ignore", "pipe", "inherit"] })
      await once(child.stdout, "data")
      return child
    }),
    (child) =>
      Effect.promise(async () => {
        if (child.exitCode !== null || child.signalCode !== null) return
        const gone = once(child, "exit")
        child.kill("SIGKILL")
        await gone
      })
  )

const refusedByLock = Effect.fnUntraced(function* (root: string) {
  const refused = yield* Effect.flip(on(root, Effect.void))
  assert.strictEqual(refused._tag, "store_io")
  assert.deepStrictEqual(refused.context, { reason: "locked" })
  assert.strictEqual(refused.message, "Another process uses this store. Stop it, or choose another folder.")
})

describe("one process per store", () => {
  it.effect(
    "a second process is refused with a sentence, and let in once the first was killed",
    () =>
      Effect.gen(function* () {
        const root = `${yield* temporaryFolder}/store`
        yield* Effect.scoped(
          Effect.gen(function* () {
            yield* otherProcess(root)
            yield* refusedByLock(root)
          })
        )
        const contents = yield* on(
          root,
          Effect.gen(function* () {
            const store = yield* WorkerStore
            return (yield* store.transcript(new Author("held").id, 0, 5)).map((item) => item.content)
          })
        )
        assert.deepStrictEqual(contents, ["by the first process"])
      }),
    60_000
  )

  it.effect("the same process is refused as well, and its first store keeps its lock", () =>
    Effect.gen(function* () {
      const root = `${yield* temporaryFolder}/store`
      yield* on(
        root,
        Effect.gen(function* () {
          yield* refusedByLock(root)
          yield* refusedByLock(root)
          yield* (yield* WorkerStore).commit(new Author("a").next({ say: ["still mine"] }))
        })
      )
      yield* on(root, Effect.void)
    })
  )
})

describe("what the store leaves on disk", { timeout: 60_000 }, () => {
  const everything = (folder: string): ReadonlyArray<string> => [
    folder,
    ...readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
      entry.isDirectory() ? everything(join(folder, entry.name)) : [join(folder, entry.name)]
    )
  ]

  it.effect("belongs to its user alone", () =>
    Effect.gen(function* () {
      const root = `${yield* temporaryFolder}/deep/store`
      const check = () => {
        for (const path of everything(root)) {
          const { mode } = statSync(path)
          assert.strictEqual(mode & 0o077, 0, `${path} has mode ${(mode & 0o777).toString(8)}`)
        }
      }
      yield* on(
        root,
        Effect.gen(function* () {
          const store = yield* WorkerStore
          yield* store.commit(new Author("a").next({ say: ["x"] }))
          check()
        })
      )
      check()
    })
  )

  it.effect("after a clean end there is no log to replay", () =>
    Effect.gen(function* () {
      const root = `${yield* temporaryFolder}/store`
      yield* on(
        root,
        Effect.flatMap(WorkerStore, (store) => store.commit(new Author("a").next({ say: ["x"] })))
      )
      assert.deepStrictEqual(readdirSync(`${root}/log`), [])
    })
  )
})

/** Runs a command of the operating system, where there is one of that name. */
const system = (command: string, ...args: ReadonlyArray<string>) => spawnSync(command, args)

const mayMount = Effect.scoped(
  Effect.map(temporaryFolder, (folder) => {
    const { status } = system("mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder)
    return status === 0 && system("umount", folder).status === 0
  })
)
const mounts = Effect.runSync(mayMount) ? "permitted" : "refused"

describe.skipIf(mounts === "refused")("a disk of 256 KiB", { timeout: 60_000 }, () => {
  it.effect("fills up: refusals are typed, and all that was acknowledged is there", () =>
    Effect.gen(function* () {
      const folder = `${yield* temporaryFolder}/disk`
      mkdirSync(folder)
      yield* Effect.acquireRelease(
        Effect.sync(() => system("mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", folder)),
        () => Effect.sync(() => system("umount", folder))
      )
      const root = `${folder}/store`
      const author = new Author("a")
      yield* on(
        root,
        Effect.gen(function* () {
          const store = yield* WorkerStore
          let refusals = 0
          for (let number = 0; refusals < 3 && number < 10_000; number++) {
            const commit = author.draft({ say: [`item ${number} ${"x".repeat(1_000)}`] })
            const exit = yield* Effect.exit(store.commit(commit))
            if (Exit.isSuccess(exit)) {
              author.accept(commit)
              continue
            }
            const refused = yield* Effect.flip(exit)
            assert.strictEqual(refused._tag, "store_io")
            assert.deepStrictEqual(refused.context, { reason: "full" })
            refusals += 1
          }
          assert.strictEqual(refusals, 3)
          assert.isAbove(author.worker.transcript_len, 10)
        })
      )
      system("mount", "-o", "remount,size=4m", folder)
      yield* on(
        root,
        Effect.gen(function* () {
          const store = yield* WorkerStore
          const { workers, damaged } = yield* store.load
          assert.deepStrictEqual(damaged, [])
          assert.deepStrictEqual(workers[0]?.worker, author.worker)
          const items = yield* store.transcript(author.id, 0, 100_000)
          assert.strictEqual(items.length, author.worker.transcript_len)
          for (const [index, item] of items.entries()) assert.isTrue(item.content.startsWith(`item ${index} `))
        })
      )
    })
  )
})
