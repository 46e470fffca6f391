/**
 * A runtime for demos, work on the web page and tests: a real engine with scripted workers, and in front of it every
 * fault that a remote runtime can have, on demand.
 */
import { Effect, Schedule, Stream } from "effect"
import * as Engine from "../../domain/engine/Engine.ts"
import type { RuntimeId } from "../../domain/Identifiers.ts"
import type * as Problem from "../../domain/Problem.ts"
import * as RuntimeSource from "../../domain/RuntimeSource.ts"
import { ending } from "../../domain/Worker.ts"
import { frames } from "../../domain/WatchStream.ts"
import type { WorkerRuntime } from "../../domain/WorkerRuntime.ts"
import * as MockFaults from "./MockFaults.ts"
import type { MockOptions, MockWorker, Operation } from "./MockOptions.ts"

export { MockOptions } from "./MockOptions.ts"

/** How long a call waits that never gets its answer, in milliseconds: as long as the registry lets it. */
export const silenceMs = 5_000

/** Between two looks whether a scripted worker takes its next input, in milliseconds. */
const scriptPauseMs = 50

const silent: ReadonlySet<string> = new Set(["connect_timeout", "no_answer", "stalled", "deadline"])

/** Says a worker's inputs, one after the other. */
const play = Effect.fnUntraced(function* (runtime: WorkerRuntime["Service"], worker: MockWorker) {
  const patiently = <A>(command: Effect.Effect<A, Problem.Problem>) =>
    Effect.retry(command, {
      while: (problem) => problem._tag === "worker_busy",
      schedule: Schedule.spaced(scriptPauseMs)
    })
  const { worker_id } = worker
  for (const content of worker.inputs ?? []) {
    yield* patiently(runtime.input(worker_id, { kind: "user", content }, {}))
  }
  if (worker.end === undefined) return
  while ((yield* runtime.get(worker_id)).state === "busy") yield* Effect.sleep(scriptPauseMs)
  yield* worker.end === "stopped" ? runtime.stop(worker_id, {}) : runtime.cancel(worker_id, {})
})

/** Needs an executor and a store of its own: two mocks over one store would be one runtime. */
export const make = Effect.fnUntraced(function* (
  identity: { readonly id: RuntimeId; readonly display_name: string },
  options: MockOptions
) {
  const runtime = yield* Engine.make({ runtime_id: identity.id, display_name: identity.display_name })
  for (const worker of options.workers ?? []) {
    const { display_name, worker_id } = worker
    yield* runtime.create({ worker_id, ...(display_name === undefined ? undefined : { display_name }) }, {})
    // A worker that somebody ends meanwhile has no more to say.
    yield* Effect.forkScoped(Effect.ignore(play(runtime, worker)))
  }

  const faultOf = MockFaults.make(options)
  const latency = options.latency_ms === undefined ? Effect.void : Effect.sleep(options.latency_ms)
  const failing = (hit: MockFaults.Hit) =>
    Effect.andThen(silent.has(hit.name) ? Effect.sleep(silenceMs) : Effect.void, Effect.fail(hit.problem))
  const through = <A>(
    operation: Operation,
    call: Effect.Effect<A, Problem.Problem>
  ): Effect.Effect<A, Problem.Problem> =>
    Effect.andThen(
      latency,
      Effect.suspend(() => {
        const hit = faultOf(operation)
        if (hit === undefined) return call
        return hit.answer_lost ? Effect.andThen(call, failing(hit)) : failing(hit)
      })
    )

  return RuntimeSource.make(
    { ...identity, kind: "mock", built_in: false },
    {
      describe: through("runtime.describe", runtime.describe),
      list: (query) => through("worker.list", runtime.list(query)),
      get: (worker_id) => through("worker.get", runtime.get(worker_id)),
      create: (request, command) => through("worker.create", runtime.create(request, command)),
      input: (worker_id, input, command) => through("worker.input", runtime.input(worker_id, input, command)),
      stop: (worker_id, reason, command) => through("worker.stop", runtime.stop(worker_id, ending(command, reason))),
      cancel: (worker_id, reason, command) =>
        through("worker.cancel", runtime.cancel(worker_id, ending(command, reason))),
      interrupt: (worker_id, reason, command) =>
        through("worker.interrupt", runtime.interrupt(worker_id, ending(command, reason))),
      permit: (worker_id, permission_id, option_id, command) =>
        through("worker.permit", runtime.permit(worker_id, permission_id, option_id, command)),
      unqueue: (worker_id, input_id, command) =>
        through("worker.unqueue", runtime.unqueue(worker_id, input_id, command)),
      transcript: (worker_id, query) => through("worker.transcript", runtime.transcript(worker_id, query)),
      events: (worker_id, cursor) =>
        Stream.unwrap(
          Effect.map(latency, () => {
            const hit = faultOf("worker.events")
            const whole = frames((from, watcher, onReset) => runtime.watch(worker_id, from, watcher, onReset), cursor)
            if (hit === undefined) return whole
            return Stream.concat(Stream.take(whole, hit.after_frames), Stream.fromEffect(failing(hit)))
          })
        ),
      bundles: through("config_bundle.list", runtime.bundles),
      putBundle: (bundle) => through("config_bundle.put", runtime.putBundle(bundle)),
      bundleAvailability: (id, digest) => through("config_bundle.availability", runtime.bundleAvailability(id, digest))
    }
  )
})
