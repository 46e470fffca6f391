/** A source hosted in another process keeps every promise of the port over RPC, and its crash stays a typed problem. */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { Effect, Fiber, Stream } from "effect"
import { suite } from "../../src/domain/conformance/Conformance.ts"
import { IdempotencyKey } from "../../src/domain/Identifiers.ts"
import * as RpcSubject from "./RpcSubject.ts"

suite({ afterAll, beforeAll, describe, it }, "the hosted source", RpcSubject.make, { tier: "durable" })

const input = { kind: "user", content: "hello" } as const

describe("a source's host", () => {
  it.live("that is killed is runtime_unreachable for calls and streams, and is there again after its restart", () =>
    Effect.gen(function* () {
      const subject = yield* RpcSubject.make
      const source = yield* subject.connect
      const { answer } = yield* source.create({}, {})
      const id = answer.worker_id
      const stream = yield* Effect.forkScoped(Effect.flip(Stream.runDrain(source.events(id, undefined))))
      while ((yield* subject.openStreams) === 0) yield* Effect.sleep(5)
      yield* subject.kill
      const idempotency_key = IdempotencyKey.make("killed-1")
      for (const [call, reason] of [
        [Fiber.join(stream), "host_lost"],
        [Effect.flip(source.describe), "host_lost"],
        [Effect.flip(source.get(id)), "host_lost"],
        [Effect.flip(source.input(id, input, { idempotency_key })), "host_lost"],
        [Effect.flip(source.input(id, input, {})), "answer_lost"]
      ] as const) {
        const problem = yield* call
        assert.deepStrictEqual([problem._tag, problem.context.reason], ["runtime_unreachable", reason])
        assert.strictEqual(problem.context.runtime_id, "rpc-1")
      }
      yield* subject.restart
      assert.strictEqual((yield* Effect.eventually(source.get(id))).worker_id, id)
    }).pipe(Effect.scoped)
  )

  it.live("that meets a defect says that it failed and nothing of the defect, and goes on", () =>
    Effect.gen(function* () {
      const subject = yield* RpcSubject.make
      const source = yield* subject.connect
      const { answer } = yield* source.create({}, {})
      const broken = source.input(answer.worker_id, { kind: "user", content: "/defect" }, {})
      const problem = yield* Effect.flip(broken)
      assert.deepStrictEqual([problem._tag, problem.context.reason], ["runtime_failed", "failed_midway"])
      assert.notInclude(JSON.stringify([problem, problem.stack]), RpcSubject.defectText)
      assert.strictEqual((yield* source.get(answer.worker_id)).state, "idle")
    }).pipe(Effect.scoped)
  )
})
