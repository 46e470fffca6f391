/** Runtimes in this process that the kit is tried on: the embedded source, and one that can be cut off, refuse and restart. */
import * as NodeCrypto from "@effect/platform-node/NodeCrypto"
import { Context, Deferred, Effect, Exit, Layer, Redacted, Scope, Stream } from "effect"
import * as EmbeddedSource from "../../src/adapters/embedded/EmbeddedSource.ts"
import * as EchoExecutor from "../../src/adapters/executors/EchoExecutor.ts"
import * as MemoryWorkerStore from "../../src/adapters/stores/MemoryWorkerStore.ts"
import type { Connect, Hidden, Source, Subject } from "../../src/domain/conformance/Conformance.ts"
import * as Engine from "../../src/domain/engine/Engine.ts"
import { defaultMaxEvents } from "../../src/domain/EventLog.ts"
import { RuntimeId } from "../../src/domain/Identifiers.ts"
import * as Problem from "../../src/domain/Problem.ts"
import * as RuntimeFault from "../../src/domain/RuntimeFault.ts"
import * as RuntimeSource from "../../src/domain/RuntimeSource.ts"
import type { WorkerEvent } from "../../src/domain/WorkerEvent.ts"
import { WorkerExecutor } from "../../src/domain/WorkerExecutor.ts"
import { WorkerRuntime } from "../../src/domain/WorkerRuntime.ts"
import { WorkerStore } from "../../src/domain/WorkerStore.ts"

/** Input that keeps an echo worker busy for a minute. */
export const hold = "/wait 60000 done"

export const hidden = (name: string, text: string): Hidden => ({ name, text: Redacted.make(text) })

/** Says so many durable events at once. */
const burst = "/burst "

/** Input that makes a worker ask for a permission. */
export const ask = "/ask"

const options = [
  { id: "yes", kind: "allow_once", name: "Yes" },
  { id: "no", kind: "reject_once", name: "No" }
]

/** Asks, waits, and says what it was answered. */
const asking = (id: string, answered: Deferred.Deferred<string>): Stream.Stream<WorkerEvent> =>
  Stream.concat(
    Stream.succeed<WorkerEvent>({
      event: "permission_request",
      data: { id, tool_call_id: "call-1", title: "Go on?", options, expires_at: "2099-01-02T03:04:05.678Z" }
    }),
    Stream.flatMap(Stream.fromEffect(Deferred.await(answered)), (option_id) =>
      Stream.make<Array<WorkerEvent>>(
        { event: "permission_resolved", data: { id, outcome: "selected", option_id } },
        { event: "text_done", data: { text: option_id } }
      )
    )
  )

/** Echo that can also burst and ask. */
export const executor = Layer.effect(
  WorkerExecutor,
  Effect.map(WorkerExecutor, (echo) =>
    WorkerExecutor.of({
      ...echo,
      spawn: (request) =>
        Effect.map(echo.spawn(request), (session) => {
          const open = new Map<string, Deferred.Deferred<string>>()
          let asked = 0
          return {
            ...session,
            accept: (input) => {
              if (input.content === ask) {
                const id = `permission-${++asked}`
                const answered = Deferred.makeUnsafe<string>()
                open.set(id, answered)
                return Effect.succeed(asking(id, answered))
              }
              if (!input.content.startsWith(burst)) return session.accept(input)
              const count = Number(input.content.slice(burst.length))
              return Effect.succeed(Stream.map(Stream.range(1, count), (i) => ({ event: "note", data: { i } })))
            },
            permit: (permission_id, option_id) =>
              Effect.sync(() => {
                const answered = open.get(permission_id)
                return answered !== undefined && Deferred.doneUnsafe(answered, Exit.succeed(option_id))
              })
          }
        })
    })
  )
).pipe(Layer.provide(EchoExecutor.layer))

export const crypto = Layer.mergeAll(NodeCrypto.layerSecureRandom, NodeCrypto.layerDigest)

/** More events than a log keeps, so that the first resume points are gone. */
export const expire: NonNullable<Subject["expire"]> = Effect.fnUntraced(function* (source, worker_id) {
  yield* source.input(worker_id, { kind: "user", content: `${burst}${defaultMaxEvents + 1}` }, {})
  while ((yield* source.get(worker_id)).state === "busy") yield* Effect.sleep(5)
})

/** The engine in this process over a store that outlives it. */
export const embedded = Effect.gen(function* () {
  const services = yield* Layer.build(Layer.mergeAll(executor, Layer.fresh(MemoryWorkerStore.layer), crypto))
  const store = Context.get(services, WorkerStore)
  let attached = 0
  const counted = (runtime: WorkerRuntime["Service"]): WorkerRuntime["Service"] => ({
    ...runtime,
    watch: (...asked) =>
      Effect.tap(runtime.watch(...asked), () =>
        Effect.acquireRelease(
          Effect.sync(() => void (attached += 1)),
          () => Effect.sync(() => void (attached -= 1))
        )
      )
  })
  const start = Effect.gen(function* () {
    const scope = yield* Scope.make()
    const made = Engine.make({ runtime_id: RuntimeId.make("rt-laboratory") })
    const runtime = yield* made.pipe(
      Effect.provideService(WorkerStore, store),
      Effect.provideContext(services),
      Scope.provide(scope)
    )
    return { runtime: counted(runtime), scope }
  })
  let current = yield* start
  yield* Effect.addFinalizer(() => Effect.suspend(() => Scope.close(current.scope, Exit.void)))
  return {
    name: "the embedded source",
    connect: Effect.suspend(() => Effect.provideService(EmbeddedSource.make, WorkerRuntime, current.runtime)),
    credential: { kind: "none", reason: "A runtime in this process takes no token." },
    hidden: [],
    hold,
    ask,
    openStreams: Effect.sync(() => attached),
    expire,
    restart: Effect.gen(function* () {
      yield* Scope.close(current.scope, Exit.void)
      current = yield* start
    })
  } satisfies Subject
})

/** A source whose every call meets the same problem. */
const failing = (problem: Problem.Problem): Connect => {
  const fail = Effect.fail(problem)
  const source = RuntimeSource.make(
    { id: RuntimeId.make("rt-failing"), kind: "failing", display_name: "Failing", built_in: false },
    {
      describe: fail,
      list: () => fail,
      get: () => fail,
      create: () => fail,
      input: () => fail,
      stop: () => fail,
      cancel: () => fail,
      interrupt: () => fail,
      permit: () => fail,
      unqueue: () => fail,
      transcript: () => fail,
      events: () => Stream.fail(problem),
      bundles: fail,
      putBundle: () => fail,
      bundleAvailability: () => fail
    }
  )
  return Effect.succeed(source)
}

export const token = "laboratory-token-7c1f0a"
export const wrongToken = "laboratory-wrong-token-93be"
export const address = "http://laboratory.internal.example:39871"

/** Everything that a case could ask for: a token, an address, connections that break, a runtime that is not there. */
export const complete = Effect.gen(function* () {
  const base = yield* embedded
  const open = new Set<Deferred.Deferred<never, Problem.Problem>>()
  const cuttable = (source: Source): Source => ({
    ...source,
    events: (worker_id, cursor) =>
      Stream.unwrap(
        Effect.gen(function* () {
          const broken = yield* Deferred.make<never, Problem.Problem>()
          yield* Effect.acquireRelease(
            Effect.sync(() => open.add(broken)),
            () => Effect.sync(() => open.delete(broken))
          )
          const about = { runtime_id: source.id, worker_id, operation: "worker.events" }
          return Stream.merge(
            source.events(worker_id, cursor),
            Stream.fromEffectDrain(
              Effect.mapError(Deferred.await(broken), (problem) => Problem.withContext(problem, about))
            ),
            { haltStrategy: "left" }
          )
        })
      )
  })
  return {
    ...base,
    name: "the complete laboratory source",
    connect: Effect.map(base.connect, cuttable),
    credential: { kind: "token", bad: failing(RuntimeFault.problem("unauthorized")) },
    hidden: [hidden("the token", token), hidden("the wrong token", wrongToken), hidden("the address", address)],
    unreachable: failing(RuntimeFault.problem("refused")),
    cut: Effect.suspend(() =>
      Effect.forEach(open, (broken) => Deferred.fail(broken, RuntimeFault.problem("reset")), { discard: true })
    )
  } satisfies Subject
})
