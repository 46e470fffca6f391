/** Creates workers: checks the request, takes the id, brings the session up, and stores worker and first input as one. */
import { DateTime, Effect, Exit, Scope } from "effect"
import { SecureRandom } from "effect/crypto/SecureRandom"
import { WorkerId } from "../Identifiers.ts"
import * as Problem from "../Problem.ts"
import * as Profile from "../Profile.ts"
import { capability } from "../Runtime.ts"
import type { CreateWorker, Worker } from "../Worker.ts"
import * as Guard from "./Guard.ts"
import { type Engine, ensureOpen, type ToReceipt } from "./Host.ts"
import { commit, make as makeHosted } from "./HostedWorker.ts"
import { checkContent } from "./Input.ts"
import { status } from "./Run.ts"
import * as Session from "./Session.ts"
import { begin, inputEvent } from "./Turns.ts"

const resolveProfile = Effect.fnUntraced(function* (engine: Engine, request: CreateWorker) {
  const wanted = request.profile ?? Profile.runtimeDefault
  if (request.config_bundle !== undefined) yield* engine.bundles.check(request.config_bundle, wanted)
  const offered = engine.executor.profiles
  if (offered.length === 0) {
    // The capability is not declared either: an undeclared one is unsupported, not a matter of waiting.
    return yield* Problem.make("operation_unsupported", "The runtime has nothing that could run a worker.", {
      capability: capability.create
    })
  }
  const profile =
    wanted.kind === "runtime_default"
      ? (offered.find((it) => it.unavailable === undefined) ?? offered[0])
      : offered.find((it) => Profile.equals(it.selector, wanted))
  if (profile === undefined) {
    return yield* Problem.make("invalid_profile_selector", undefined, {
      errors: [{ pointer: "/profile", code: "unknown" }]
    })
  }
  if (profile.unavailable !== undefined) {
    return yield* Problem.make("execution_backend_unavailable", profile.unavailable)
  }
  return profile
})

export const create = Effect.fnUntraced(function* (
  engine: Engine,
  request: CreateWorker,
  toReceipt: ToReceipt<Worker>
) {
  yield* ensureOpen(engine)
  const input = request.initial_input
  if (input !== undefined) {
    if (input.kind !== "user") return yield* Problem.make("invalid_initial_input_kind")
    yield* checkContent(input.content, "/initial_input/content")
  }
  const profile = yield* resolveProfile(engine, request)
  const random = yield* SecureRandom
  const worker_id = request.worker_id ?? WorkerId.make(yield* random.uuidV7())
  return yield* Effect.acquireUseRelease(
    Effect.suspend(() => reserve(engine, worker_id)),
    () => host(engine, { ...request, worker_id }, profile, toReceipt),
    () => Effect.sync(() => engine.reserved.delete(worker_id))
  )
})

/** Takes the id, in one step with looking whether it is free. */
const reserve = (
  engine: Engine,
  worker_id: WorkerId
): Effect.Effect<void, Problem.Problem<"worker_id_taken" | "worker_limit_reached">> => {
  if (engine.workers.has(worker_id) || engine.reserved.has(worker_id)) {
    return Problem.fail("worker_id_taken", undefined, { worker_id })
  }
  if (engine.workers.size + engine.reserved.size >= engine.maxWorkers) {
    return Problem.fail("worker_limit_reached", undefined, { max: engine.maxWorkers })
  }
  engine.reserved.add(worker_id)
  return Effect.void
}

const host = Effect.fnUntraced(function* (
  engine: Engine,
  request: CreateWorker & { readonly worker_id: WorkerId },
  profile: Profile.Profile,
  toReceipt: ToReceipt<Worker>
) {
  const { worker_id, initial_input: input } = request
  const random = yield* SecureRandom
  const start = (scope: Scope.Closeable) =>
    Effect.gen(function* () {
      const session = yield* Session.spawn(engine.executor, { worker_id, profile: profile.selector }, scope)
      return { session, turn: input === undefined ? undefined : yield* Session.accept(session, input) }
    })
  // The caller can give up as long as the executor starts; from the commit on the worker is there.
  return yield* Effect.uninterruptibleMask((restore) =>
    Effect.gen(function* () {
      const scope = yield* Scope.fork(engine.scope)
      return yield* Effect.gen(function* () {
        const { session, turn } = yield* restore(start(scope))
        const created_at = DateTime.formatIso(yield* DateTime.now)
        const worker: Worker = {
          runtime_id: engine.runtime_id,
          worker_id,
          display_name: request.display_name ?? `${profile.label} ${worker_id.slice(-4)}`,
          profile: profile.selector,
          ...(profile.text_format === undefined ? undefined : { text_format: profile.text_format }),
          state: "idle",
          config_bundle: request.config_bundle ?? null,
          transcript_len: 0,
          last_event_id: 0,
          last_result: { operation: "spawn", outcome: "accepted" },
          ...(session.backend_id === undefined ? undefined : { backend_id: session.backend_id }),
          created_at,
          updated_at: created_at
        }
        const log_epoch = (yield* random.uuidV4()).replaceAll("-", "").slice(0, 16)
        const hosted = makeHosted({ worker, log_epoch, scope, tailLoaded: true })
        hosted.session = session
        // Creation and first input are one commit: neither can be there without the other, or twice.
        const first = input === undefined ? [status("idle")] : [inputEvent(input), status("busy")]
        const state = input === undefined ? "idle" : "busy"
        yield* commit(engine.store, hosted, first, { state }, toReceipt)
        engine.workers.add(hosted)
        if (turn === undefined) yield* Guard.watch(engine, hosted)
        else yield* begin(engine, hosted, turn)
        return hosted.worker
      }).pipe(Effect.onError(() => Scope.close(scope, Exit.void)))
    })
  )
})
