/** Profiles run by the real engine over a memory store, with real processes in a folder that goes with the test. */
import { mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { Deferred, Effect, Fiber, Layer, Redacted, type Scope, Stream } from "effect"
import * as ProfileExecutor from "../../src/adapters/executors/ProfileExecutor.ts"
import * as ProfileFile from "../../src/adapters/executors/ProfileFile.ts"
import { markVariable } from "../../src/adapters/executors/ProcessSweep.ts"
import * as MemoryWorkerStore from "../../src/adapters/stores/MemoryWorkerStore.ts"
import * as Engine from "../../src/domain/engine/Engine.ts"
import { WorkerId } from "../../src/domain/Identifiers.ts"
import { make as makeSecrets, SecretResolver, unresolvable } from "../../src/domain/SecretResolver.ts"
import { type SpawnRequest, WorkerExecutor, type WorkerSession } from "../../src/domain/WorkerExecutor.ts"
import { WorkerStore } from "../../src/domain/WorkerStore.ts"
import { crypto, type Observer, observe, type Runtime, runtime_id } from "../worker-runtime/EngineWorld.ts"

export const secret = "canary-5f0c9e"

const secrets = Layer.effectDiscard(
  Effect.gen(function* () {
    const resolver = yield* SecretResolver
    yield* resolver.register({
      scheme: "test",
      resolve: (rest) =>
        rest === "TOKEN" ? Effect.succeed(Redacted.make(secret)) : Effect.fail(unresolvable("not_set"))
    })
  })
).pipe(Layer.provideMerge(Layer.effect(SecretResolver, makeSecrets)))

export interface ExecutorWorld {
  readonly folder: string
  readonly executor: WorkerExecutor["Service"]
  /** Another engine on the same store, as after a restart of the runtime. */
  readonly start: Effect.Effect<Runtime, unknown, Scope.Scope>
}

/** @param toml the profile file */
export const world = Effect.fnUntraced(function* (toml: string, env: Readonly<Record<string, string>> = {}) {
  const folder = yield* Effect.acquireRelease(
    Effect.sync(() => realpathSync(mkdtempSync(join(tmpdir(), "executor-")))),
    (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
  )
  const executor = yield* ProfileExecutor.make(yield* ProfileFile.decode(toml), {
    base: folder,
    env: { PATH: process.env["PATH"], ...env }
  }).pipe(Effect.provideContext(yield* Layer.build(secrets)))
  const store = yield* Effect.provide(WorkerStore, MemoryWorkerStore.layer)
  const start = Effect.suspend(() => Engine.make({ runtime_id })).pipe(
    Effect.provideService(WorkerStore, store),
    Effect.provideService(WorkerExecutor, executor),
    Effect.provide(crypto)
  )
  return { folder, executor, start } satisfies ExecutorWorld
})

/** A runtime with one profile, `p`. */
export const runtimeWith = (profile: string, env?: Readonly<Record<string, string>>) =>
  Effect.flatMap(world(profile, env), ({ start }) => start)

/** A session of the profile `p` without an engine around it; it ends with the scope. */
export const session = Effect.fnUntraced(function* (toml: string, resume?: SpawnRequest["resume"]) {
  const { executor } = yield* world(toml)
  const request = { worker_id: WorkerId.make("w-1"), profile: { kind: "named", value: "p" } } as const
  return yield* executor.spawn({ ...request, ...(resume === undefined ? undefined : { resume }) })
})

/** What is said in a turn of a session, up to its end. */
export const say = (to: WorkerSession, content: string) =>
  Effect.flatMap(to.accept({ kind: "user", content }), (stream) =>
    Effect.map(Stream.runCollect(stream), (events) => [...events])
  )

/** Runs a turn until it has said something, then interrupts it and waits until it is over. */
export const interrupted = Effect.fnUntraced(function* (to: WorkerSession, content: string) {
  const begun = yield* Deferred.make<void>()
  const stream = yield* to.accept({ kind: "user", content })
  const turn = yield* Effect.forkChild(
    Stream.runForEach(stream, (it) =>
      it.event === "text_delta" ? Effect.asVoid(Deferred.succeed(begun, undefined)) : Effect.void
    )
  )
  yield* Deferred.await(begun)
  yield* Fiber.interrupt(turn)
})

/** A variable of the program's environment by which a test finds its processes. */
let names = 0
export const named = () => {
  const name = `executor-test-${process.pid}-${++names}`
  return { name, env: `[profiles.env.set]\nTEST_NAME = "${name}"\n` }
}

/** The profile `p` with the test agent. */
export const agentProfile = (flags: ReadonlyArray<string> = [], more = ""): string => {
  const agent = fileURLToPath(new URL("../support/acp-agent.mjs", import.meta.url))
  const command = JSON.stringify([process.execPath, agent, ...flags])
  return `[[profiles]]\nid = "p"\nlabel = "P"\nexecutor = "acp"\ncommand = ${command}\n${more}\n`
}

export const node = JSON.stringify(process.execPath)

/** A TOML profile `p` that runs a piece of JavaScript as a program of its own. */
export const scripted = (script: string, more = ""): string =>
  `[[profiles]]\nid = "p"\nlabel = "P"\nexecutor = "command"\ncommand = [${node}, "-e", ${JSON.stringify(script)}]\n${more}\n`

export const worker = Effect.fnUntraced(function* (runtime: Runtime, profile = "p") {
  const { answer } = yield* runtime.create({ profile: { kind: "named", value: profile } }, {})
  const observer = yield* observe(runtime, answer.worker_id)
  return { worker_id: answer.worker_id, observer }
})

/** Says something and waits until the worker is no longer busy. */
export const turn = Effect.fnUntraced(function* (
  runtime: Runtime,
  worker_id: WorkerId,
  observer: Observer,
  content: string
) {
  const seen = observer.entries.length
  yield* runtime.input(worker_id, { kind: "user", content }, {})
  yield* observer.until(
    (entry) =>
      observer.entries.indexOf(entry) >= seen && entry.event.event === "status" && entry.event.data["state"] !== "busy"
  )
  return observer.entries.slice(seen).map((entry) => entry.event)
})

export const spoken = (
  events: ReadonlyArray<{ readonly event: string; readonly data: Readonly<Record<string, unknown>> }>
) => events.flatMap((it) => (it.event === "text_done" ? [String(it.data["text"])] : [])).join("")

const environment = (pid: string): string => {
  try {
    return readFileSync(`/proc/${pid}/environ`, "latin1")
  } catch {
    return ""
  }
}

/** Processes on this machine that were started for a worker whose environment has the word, dead ones aside. */
export const processesWith = (word: string): ReadonlyArray<string> =>
  readdirSync("/proc").filter((pid) => {
    if (!/^[0-9]+$/.test(pid)) return false
    const env = environment(pid)
    return env.includes(`${markVariable}=`) && env.includes(word)
  })

/** Whether there is such a process; a dead one that nobody collects is none. */
export const isRunning = (pid: string): boolean => {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, "latin1"))
  } catch {
    return false
  }
}

/** Waits until the condition holds; a bound for a broken build, not a measurement. */
export const eventually = (holds: () => boolean) =>
  Effect.gen(function* () {
    for (let round = 0; round < 2_000; round++) {
      if (holds()) return
      yield* Effect.sleep(10)
    }
    return yield* Effect.die(new Error("It never came to hold."))
  })
