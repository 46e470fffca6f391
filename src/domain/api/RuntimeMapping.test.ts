import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { RuntimeId, WorkerId } from "../Identifiers.ts"
import { isTerminal, queuedPreviewLength, type Worker, WorkerState } from "../Worker.ts"
import * as Mapping from "./RuntimeMapping.ts"
import * as Wire from "./RuntimeWire.ts"

const runtime_id = RuntimeId.make("rt-1")

const workerIn = (state: WorkerState): Worker => ({
  runtime_id,
  worker_id: WorkerId.make("w-1"),
  display_name: "名前",
  profile: { kind: "builtin", value: "echo" },
  state,
  text_format: "plain",
  state_reason: "why",
  config_bundle: { id: "b", digest: "0".repeat(64) },
  transcript_len: 2,
  last_event_id: 7,
  last_result: { operation: "input", outcome: "rejected", message: "no" },
  queued_inputs: [{ input_id: "i-1", kind: "user", content: "next", queued_at: "2026-01-01T00:00:00.000Z" }],
  permission_requests: [
    {
      id: "p-1",
      tool_call_id: "c-1",
      title: "May I?",
      options: [{ id: "yes", kind: "allow_once", name: "Yes" }],
      expires_at: "2026-01-01T00:05:00.000Z"
    }
  ],
  backend_id: "session-1",
  created_at: "2026-01-01T00:00:00.000Z",
  updated_at: "2026-01-01T00:00:01.000Z"
})

/** As the other end gets it. */
const overTheWire = <A, I>(schema: Schema.Codec<A, I>, value: A) =>
  Schema.encodeEffect(schema)(value).pipe(
    Effect.flatMap((encoded) => Schema.decodeUnknownEffect(schema)(JSON.parse(JSON.stringify(encoded))))
  )

/** Only what field v1 has, and members that nobody knows. */
const fieldWorker = {
  worker_ref: { runtime_id: "field-rt", worker_id: "worker-00000001" },
  runtime_id: "field-rt",
  worker_id: "worker-00000001",
  status: "running",
  execution: { backend: "connected", run_state: "idle", novelty: 1 },
  profile: { kind: "runtime_default" },
  config_bundle: { id: "b", digest: "0".repeat(64) },
  transcript_len: 0,
  last_event_id: 2,
  novelty: {}
}

describe("a worker on the wire", () => {
  it.effect.each(WorkerState.literals)("that is %s is the same worker at the other end", (state) =>
    Effect.gen(function* () {
      const worker = workerIn(state)
      const there = yield* overTheWire(Wire.Worker, Mapping.worker(worker))
      assert.deepStrictEqual(Mapping.fromWorker(runtime_id, there), worker)
    })
  )

  it.effect("shows what waits by its beginning, and takes an empty list for none", () =>
    Effect.gen(function* () {
      const [input] = workerIn("busy").queued_inputs!
      const long = { ...input!, content: "x".repeat(queuedPreviewLength + 1) }
      const wire = Mapping.worker({ ...workerIn("busy"), queued_inputs: [long] })
      assert.strictEqual(wire.queued_inputs?.[0]?.content.length, queuedPreviewLength)
      for (const none of [null, []]) {
        const there = yield* overTheWire(Wire.Worker, { ...wire, queued_inputs: none, permission_requests: none })
        const worker = Mapping.fromWorker(runtime_id, there)
        assert.notProperty(worker, "queued_inputs")
        assert.notProperty(worker, "permission_requests")
      }
    })
  )

  it.effect("of field v1 is taken without our members and with unknown ones", () =>
    Effect.gen(function* () {
      const wire = yield* Schema.decodeUnknownEffect(Wire.Worker)(fieldWorker)
      assert.deepStrictEqual(Mapping.fromWorker(runtime_id, wire), {
        runtime_id,
        worker_id: WorkerId.make("worker-00000001"),
        display_name: "worker-00000001",
        profile: { kind: "runtime_default" },
        state: "idle",
        config_bundle: { id: "b", digest: "0".repeat(64) },
        transcript_len: 0,
        last_event_id: 2
      })
    })
  )

  it.effect.each([
    ["running", "connected", "idle", "idle"],
    ["running", "connected", "busy", "busy"],
    ["running", "connected", "rejected", "idle"],
    ["running", "connected", "errored", "errored"],
    ["running", "connected", "stopped", "stale"],
    ["running", "connected", "unconnected", "stale"],
    ["running", "stale", "idle", "stale"],
    ["running", "unconnected", "unconnected", "stale"],
    ["stopped", "connected", "idle", "stopped"],
    ["cancelled", "stale", "busy", "cancelled"]
  ] as const)("%s with %s %s is %s", ([status, backend, run_state, state]) =>
    Effect.gen(function* () {
      const wire = yield* Schema.decodeUnknownEffect(Wire.Worker)({
        ...fieldWorker,
        status,
        execution: { backend, run_state, binding: null, last_result: null }
      })
      assert.strictEqual(Mapping.fromWorker(runtime_id, wire).state, state)
    })
  )
})

describe("other answers on the wire", () => {
  it.effect("a transcript is the same at the other end", () =>
    Effect.gen(function* () {
      const page = {
        start: 2,
        limit: 3,
        total_items: 9,
        next_start: 5,
        items: [{ sequence: 3, role: "assistant" as const, content: "text", event_id: 6 }]
      }
      const there = yield* overTheWire(Wire.Transcript, Mapping.transcript(workerIn("idle"), page))
      assert.deepStrictEqual(Mapping.fromTranscript(there), page)
    })
  )

  it.effect.each(WorkerState.literals)("an ack of a worker that is %s says so at the other end", (state) =>
    Effect.gen(function* () {
      const ack = { runtime_id, worker_id: WorkerId.make("w-1"), state, event_id: 4 }
      assert.deepStrictEqual(Mapping.fromAck(runtime_id, yield* overTheWire(Wire.Ack, Mapping.ack(ack))), ack)
      const { run_state: _, ...field } = Mapping.ack(ack)
      const fromField = Mapping.fromAck(runtime_id, yield* overTheWire(Wire.Ack, field)).state
      assert.strictEqual(fromField, isTerminal(state) ? state : "busy")
    })
  )

  it.effect("an ack of an input keeps its numbers, and its place where it waits", () =>
    Effect.gen(function* () {
      const ack = {
        runtime_id,
        worker_id: WorkerId.make("w-1"),
        state: "busy" as const,
        event_id: 4,
        transcript_sequence: 2
      }
      const there = yield* overTheWire(Wire.InputAck, Mapping.inputAck(ack))
      assert.deepStrictEqual(Mapping.fromInputAck(runtime_id, there), ack)
      const waiting = { ...ack, transcript_sequence: 0, queued: { input_id: "i-1", position: 3 } }
      const waits = yield* overTheWire(Wire.InputAck, Mapping.inputAck(waiting))
      assert.deepStrictEqual(Mapping.fromInputAck(runtime_id, waits), waiting)
    })
  )

  it.effect("a runtime of field v1 has no capability map, and is not given one", () =>
    Effect.gen(function* () {
      const wire = yield* Schema.decodeUnknownEffect(Wire.Runtime)({
        runtime_id: "field-rt",
        display_name: null,
        backend: "memory",
        status: "running",
        worker_count: 1,
        active_worker_count: 1,
        stopped_worker_count: 0,
        cancelled_worker_count: 0,
        diagnostic_count: 0,
        limits: { max_transcript_projection_items: 100_000, max_event_batch_items: 256 },
        worker_creation_available: false
      })
      assert.deepStrictEqual(Mapping.fromRuntime(wire), {
        runtime_id: "field-rt",
        display_name: null,
        status: "running",
        capabilities: undefined,
        worker_count: 1,
        worker_creation_available: false,
        profiles: [],
        max_transcript_items: 256
      })
    })
  )

  it.effect("an error of field v1 needs no more than a code and a message", () =>
    Effect.gen(function* () {
      const { error } = yield* Schema.decodeUnknownEffect(Wire.ErrorBody)({ error: { code: "odd", message: "Odd." } })
      assert.deepStrictEqual(error, { code: "odd", message: "Odd." })
    })
  )
})
