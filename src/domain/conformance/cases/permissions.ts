/** What a turn asks a person for: seen by everybody, answered once with one of its options, gone with the turn. */
import { Effect } from "effect"
import type { WorkerId } from "../../Identifiers.ts"
import { type Bench, idle, user } from "../Bench.ts"
import type { Case, Need } from "../Case.ts"
import { broken, refused, same, that } from "../Expect.ts"
import * as Frames from "../Frames.ts"

const needs: ReadonlyArray<Need> = ["workers.create", "workers.input", "workers.stop", "workers.permissions", "events"]

/** A worker that has asked, the request, and everything that was told of it. */
const asking = Effect.fnUntraced(function* (bench: Bench) {
  const { worker_id } = yield* bench.worker()
  const watch = yield* bench.watch(worker_id)
  yield* watch.next
  yield* bench.source.input(worker_id, user(bench.subject.ask!), {})
  yield* watch.until(Frames.named("permission_request"), "a permission request")
  const request = (yield* open(bench, worker_id))[0]
  if (request === undefined) return yield* broken("The worker does not show the permission request that it has told")
  return { worker_id, watch, request }
})

const open = (bench: Bench, worker_id: WorkerId) =>
  Effect.map(bench.source.get(worker_id), ({ permission_requests = [] }) => permission_requests)

export const cases: ReadonlyArray<Case> = [
  {
    id: "steering.permission",
    tier: undefined,
    needs,
    hook: "ask",
    sentence:
      "A permission request is told and shown alike, and its answer is taken: it is open no more, and the turn goes on.",
    run: Effect.fnUntraced(function* (bench) {
      const { source } = bench
      const { request, watch, worker_id } = yield* asking(bench)
      yield* same((yield* source.get(worker_id)).state, "busy", "State of a worker that asks")
      yield* that(request.options.length > 0, "The request has no options")
      yield* same(Frames.shown(watch.frames).permission_requests, [request], "The request as it was told")
      const later = yield* bench.watch(worker_id)
      yield* later.until(({ kind }) => kind === "snapshot", "a snapshot")
      yield* same(Frames.shown(later.frames).permission_requests, [request], "The request in a snapshot")
      const option_id = request.options[0]?.id ?? ""
      yield* source.permit(worker_id, request.id, option_id, {})
      yield* watch.until(Frames.named("permission_resolved"), "the answer was told")
      const resolved = Frames.events(watch.frames).findLast(({ event }) => event.event === "permission_resolved")
      yield* same(
        [resolved?.event.data.id, resolved?.event.data.outcome, resolved?.event.data.option_id],
        [request.id, "selected", option_id],
        "The answer as it was told"
      )
      yield* idle(source, worker_id)
      yield* same(yield* open(bench, worker_id), [], "Requests after the answer")
      const again = source.permit(worker_id, request.id, option_id, {})
      yield* refused(source, again, { operation: "worker.permit", worker_id }, "permission_not_found")
    })
  },
  {
    id: "steering.permission-refused",
    tier: undefined,
    needs,
    hook: "ask",
    sentence:
      "What is no answer is refused, by name for a request that is not there, at its option for one that is; it stays open.",
    run: Effect.fnUntraced(function* (bench) {
      const { source } = bench
      const { request, worker_id } = yield* asking(bench)
      const about = { operation: "worker.permit", worker_id }
      const unknown = source.permit(worker_id, "never-asked", request.options[0]?.id ?? "", {})
      yield* refused(source, unknown, about, "permission_not_found")
      const wrong = source.permit(worker_id, request.id, "never-offered", {})
      const { context } = yield* refused(source, wrong, about, "invalid_request")
      yield* same(
        context.errors?.map(({ pointer }) => pointer),
        ["/option_id"],
        "Where the refusal points"
      )
      yield* same(
        (yield* open(bench, worker_id)).map(({ id }) => id),
        [request.id],
        "Requests that are open"
      )
    })
  },
  {
    id: "steering.permission-ends",
    tier: undefined,
    needs: [...needs, "workers.interrupt"],
    hook: "ask",
    sentence: "A permission request ends with its turn, and nobody can answer it any more.",
    run: Effect.fnUntraced(function* (bench) {
      const { source } = bench
      const { request, watch, worker_id } = yield* asking(bench)
      yield* source.interrupt(worker_id, undefined, {})
      yield* same(yield* open(bench, worker_id), [], "Requests after the interrupt")
      yield* watch.until(Frames.states("idle"), "the worker was idle")
      yield* same(Frames.shown(watch.frames).permission_requests, undefined, "Requests as a watcher sees them")
      const late = source.permit(worker_id, request.id, request.options[0]?.id ?? "", {})
      yield* refused(source, late, { operation: "worker.permit", worker_id }, "permission_not_found")
    })
  }
]
