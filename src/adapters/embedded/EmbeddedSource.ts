/** The runtime inside the backend: calls the engine directly, with no address, token or socket in between. */
import { Effect } from "effect"
import { embeddedRuntimeId } from "../../domain/Identifiers.ts"
import { make as makeSource } from "../../domain/RuntimeSource.ts"
import { frames } from "../../domain/WatchStream.ts"
import { ending } from "../../domain/Worker.ts"
import { WorkerRuntime } from "../../domain/WorkerRuntime.ts"

export const make = Effect.gen(function* () {
  const runtime = yield* WorkerRuntime
  return makeSource(
    { id: embeddedRuntimeId, kind: "embedded", display_name: "Built-in runtime", built_in: true },
    {
      describe: runtime.describe,
      list: runtime.list,
      get: runtime.get,
      create: runtime.create,
      input: runtime.input,
      stop: (worker_id, reason, options) => runtime.stop(worker_id, ending(options, reason)),
      cancel: (worker_id, reason, options) => runtime.cancel(worker_id, ending(options, reason)),
      interrupt: (worker_id, reason, options) => runtime.interrupt(worker_id, ending(options, reason)),
      permit: runtime.permit,
      unqueue: runtime.unqueue,
      transcript: runtime.transcript,
      events: (worker_id, cursor) =>
        frames((from, watcher, onReset) => runtime.watch(worker_id, from, watcher, onReset), cursor),
      bundles: runtime.bundles,
      putBundle: runtime.putBundle,
      bundleAvailability: runtime.bundleAvailability
    }
  )
})
