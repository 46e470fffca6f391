/** Permission requests: what a turn waits for a person to decide, who sees it, and what becomes of an answer. */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { deadlineMs } from "../../src/domain/engine/Session.ts"
import { maxOpenRequests } from "../../src/domain/Permissions.ts"
import * as Problem from "../../src/domain/Problem.ts"
import type { PermissionRequest } from "../../src/domain/Worker.ts"
import { event, type WorkerEvent } from "../../src/domain/WorkerEvent.ts"
import { busy, created, isState, key, Observer, settle, user, world } from "./EngineWorld.ts"

const request = (id: string): PermissionRequest => ({
  id,
  tool_call_id: "call-1",
  title: "Delete everything?",
  options: [
    { id: "yes", kind: "allow_once", name: "Yes" },
    { id: "no", kind: "reject_once", name: "No" }
  ],
  expires_at: "2026-01-01T00:00:00.000Z"
})
const asks = (id: string): WorkerEvent => event({ event: "permission_request", data: request(id) })
const resolved = (id: string): WorkerEvent =>
  event({ event: "permission_resolved", data: { id, outcome: "selected", option_id: "yes" } })

const asking = Effect.gen(function* () {
  const it = yield* busy
  yield* it.executor.turn.says(event({ event: "status", data: { status: "paused" } }), asks("p1"))
  yield* settle
  return it
})

describe("an open permission request", () => {
  it.effect("is part of the worker, of its stored record and of the snapshot until it is resolved", () =>
    Effect.gen(function* () {
      const { executor, observer, runtime, store, worker_id } = yield* asking
      const worker = yield* runtime.get(worker_id)
      assert.deepStrictEqual(worker.permission_requests, [request("p1")])
      assert.deepStrictEqual(store.commits.at(-1)?.worker.permission_requests, [request("p1")])
      assert.deepStrictEqual(observer.state.permission_requests, [request("p1")])
      assert.deepStrictEqual([worker.state, observer.state.status], ["busy", "paused"])
      yield* executor.turn.says(asks("p2"), resolved("p1"))
      yield* settle
      assert.deepStrictEqual((yield* runtime.get(worker_id)).permission_requests, [request("p2")])
      yield* executor.turn.says(resolved("p2"))
      yield* settle
      assert.notProperty(yield* runtime.get(worker_id), "permission_requests")
      assert.notProperty(observer.state, "permission_requests")
    })
  )

  it.effect("goes with its turn, however that ends", () =>
    Effect.gen(function* () {
      for (const ends of ["finishes", "fails", "interrupt", "stop", "store"] as const) {
        const { executor, observer, runtime, store, worker_id } = yield* asking
        if (ends === "store") store.before = () => Effect.fail(Problem.make("store_io"))
        yield* ends === "fails"
          ? executor.turn.fails({ code: "x", message: "x" })
          : ends === "interrupt" || ends === "stop"
            ? runtime[ends](worker_id, {})
            : executor.turn.finishes
        yield* settle
        assert.notProperty(yield* runtime.get(worker_id), "permission_requests")
        assert.notProperty(observer.state, "permission_requests")
        const { snapshot } = yield* runtime.watch(worker_id, undefined, () => {})
        assert.deepStrictEqual(snapshot, observer.state)
      }
    })
  )

  it.effect("does not outlive a restart, and watchers learn it", () =>
    Effect.gen(function* () {
      const it = yield* world()
      const first = yield* it.session()
      const worker_id = yield* created(first.runtime)
      const observer = new Observer()
      yield* observer.attach(first.runtime, worker_id)
      yield* first.runtime.input(worker_id, user("go"), {})
      yield* settle
      yield* Effect.andThen(it.executor.turn.says(asks("p1")), settle)
      yield* first.close
      const runtime = yield* it.start()
      assert.notProperty(yield* runtime.get(worker_id), "permission_requests")
      yield* observer.attach(runtime, worker_id)
      yield* observer.until(isState("idle"))
      assert.notProperty(observer.state, "permission_requests")
    })
  )

  it.effect("that is malformed, too large or one too many is told and not held, and the record stays readable", () =>
    Effect.gen(function* () {
      const { executor, observer, runtime, start, worker_id } = yield* busy
      const odd: ReadonlyArray<WorkerEvent> = [
        { event: "permission_request", data: { id: 7 } },
        { event: "permission_request", data: { ...request("../x") } },
        { event: "permission_request", data: { ...request("long"), title: "x".repeat(100_000) } },
        { event: "permission_resolved", data: {} }
      ]
      yield* executor.turn.says(...odd)
      yield* settle
      assert.notProperty(yield* runtime.get(worker_id), "permission_requests")
      assert.strictEqual(observer.names.length, 2 + odd.length)
      for (let i = 0; i <= maxOpenRequests; i++) yield* executor.turn.says(asks(`p${i}`))
      yield* settle
      assert.strictEqual((yield* runtime.get(worker_id)).permission_requests?.length, maxOpenRequests)
      assert.strictEqual(observer.state.permission_requests?.length, maxOpenRequests)
      yield* start()
    })
  )
})

describe("an answer", () => {
  it.effect("is handed to the executor, and given when the executor took it", () =>
    Effect.gen(function* () {
      const { executor, observer, runtime, worker_id } = yield* asking
      const gate = yield* Deferred.make<void>()
      executor.onPermit = () => Effect.as(Deferred.await(gate), true)
      const answering = yield* Effect.forkChild(runtime.permit(worker_id, "p1", "no", {}))
      yield* settle
      assert.deepStrictEqual(executor.permitted, [["p1", "no"]])
      // The executor may have what was chosen stored before it answers.
      yield* executor.turn.says(resolved("p1"))
      yield* settle
      assert.strictEqual(observer.names.at(-1), "permission_resolved")
      yield* Deferred.succeed(gate, undefined)
      assert.strictEqual((yield* Fiber.join(answering)).answer.state, "busy")
    })
  )

  it.effect("to a request that is not open, or no longer, is not found and reaches nobody", () =>
    Effect.gen(function* () {
      const { executor, runtime, worker_id } = yield* asking
      const tagOf = (id: string) =>
        Effect.map(Effect.flip(runtime.permit(worker_id, id, "yes", {})), ({ _tag }) => _tag)
      assert.strictEqual(yield* tagOf("p2"), "permission_not_found")
      yield* executor.turn.says(resolved("p1"))
      yield* settle
      assert.strictEqual(yield* tagOf("p1"), "permission_not_found")
      assert.deepStrictEqual(executor.permitted, [])
      yield* executor.turn.says(asks("p3"))
      yield* settle
      executor.onPermit = () => Effect.succeed(false)
      assert.strictEqual(yield* tagOf("p3"), "permission_not_found")
      yield* runtime.stop(worker_id, {})
      assert.strictEqual(yield* tagOf("p3"), "worker_not_running")
    })
  )

  it.effect("with an option that the request does not have is refused at that member", () =>
    Effect.gen(function* () {
      const { executor, runtime, worker_id } = yield* asking
      const problem = yield* Effect.flip(runtime.permit(worker_id, "p1", "maybe", {}))
      assert.strictEqual(problem._tag, "invalid_request")
      assert.deepStrictEqual(problem.context.errors, [{ pointer: "/option_id", code: "unknown" }])
      assert.deepStrictEqual(executor.permitted, [])
    })
  )

  it.effect("is given once to one key, also when the receipt could not be stored at first", () =>
    Effect.gen(function* () {
      const { executor, runtime, store, worker_id } = yield* asking
      const first = yield* runtime.permit(worker_id, "p1", "yes", key("k"))
      assert.deepStrictEqual(yield* runtime.permit(worker_id, "p1", "yes", key("k")), { ...first, replayed: true })
      const reused = yield* Effect.flip(runtime.permit(worker_id, "p1", "no", key("k")))
      assert.strictEqual(reused._tag, "idempotency_key_reused")
      store.before = () => Effect.fail(Problem.make("store_io"))
      assert.strictEqual((yield* runtime.permit(worker_id, "p1", "yes", key("other"))).answer.state, "busy")
      assert.strictEqual(executor.permitted.length, 2)
    })
  )

  it.effect("that the executor never takes fails after a bounded time", () =>
    Effect.gen(function* () {
      const { executor, runtime, worker_id } = yield* asking
      executor.onPermit = () => Effect.never
      const answering = yield* Effect.forkChild(Effect.flip(runtime.permit(worker_id, "p1", "yes", {})))
      yield* settle
      yield* TestClock.adjust(deadlineMs)
      assert.strictEqual((yield* Fiber.join(answering))._tag, "execution_backend_unavailable")
    })
  )
})
