import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as Mapping from "../../domain/api/RuntimeMapping.ts"
import * as Wire from "../../domain/api/RuntimeWire.ts"
import { RuntimeId, WorkerId } from "../../domain/Identifiers.ts"
import type { Worker } from "../../domain/Worker.ts"
import { WorkerTexts } from "./WorkerTexts.ts"

const worker = (id: string): Worker => ({
  runtime_id: RuntimeId.make("rt"),
  worker_id: WorkerId.make(id),
  display_name: 'A "quoted" name\u2028 größer 🙂',
  profile: { kind: "runtime_default" },
  state: "idle",
  config_bundle: null,
  transcript_len: 3,
  last_event_id: 7
})

const encoded = (workers: ReadonlyArray<Worker>, next_cursor: string | null) =>
  JSON.stringify(
    Schema.encodeSync(Schema.toCodecJson(Wire.WorkersAnswer))({ workers: workers.map(Mapping.worker), next_cursor })
  )

const read = (bytes: Uint8Array) => new TextDecoder().decode(bytes)

describe("WorkerTexts", () => {
  it("a list is, byte for byte, what the schema of the answer makes of it, the second time as well", () => {
    const texts = new WorkerTexts()
    const full: Worker = {
      ...worker("b"),
      text_format: "plain",
      state: "errored",
      state_reason: "It broke.",
      last_result: { operation: "input", outcome: "errored", message: "no" },
      queued_inputs: [{ input_id: "i", kind: "user", content: "x".repeat(300), queued_at: "2026-01-01T00:00:00.000Z" }],
      permission_requests: [
        {
          id: "p",
          tool_call_id: "t",
          title: "May I?",
          options: [{ id: "o", kind: "allow_once", name: "Yes" }],
          expires_at: "2026-01-01T00:00:00.000Z"
        }
      ],
      backend_id: "s-1",
      created_at: "2026-01-01T00:00:00.000Z",
      updated_at: "2026-01-01T00:00:00.000Z"
    }
    const workers = [worker("a"), full]
    for (let time = 0; time < 2; time++) {
      assert.strictEqual(read(texts.list(workers, "b")), encoded(workers, "b"))
      assert.strictEqual(read(texts.list([], null)), encoded([], null))
    }
  })

  it("a worker that has changed is told as it is now", () => {
    const texts = new WorkerTexts()
    const before = worker("a")
    texts.list([before], null)
    const after: Worker = { ...before, state: "busy", last_event_id: 8 }
    assert.strictEqual(read(texts.list([after], null)), encoded([after], null))
  })

  it("a long list is the same after any change: a worker that is another, one less, one more, a long one", () => {
    const texts = new WorkerTexts()
    const many = Array.from({ length: 700 }, (_, at) => worker(`w-${at}`))
    const told = (workers: ReadonlyArray<Worker>) =>
      assert.strictEqual(read(texts.list(workers, null)), encoded(workers, null))
    told(many)
    told(many)
    const changed = many.with(130, { ...many[130]!, state: "busy" })
    told(changed)
    told(changed.toSpliced(64, 1))
    told([...changed, worker("z")])
    told(changed.with(699, { ...changed[699]!, state_reason: "long ".repeat(100_000) }))
    told(many)
    told(many.slice(0, 3))
    told(many)
    assert.strictEqual(read(texts.list(many, "w-699")), encoded(many, "w-699"))
    told(many.with(0, { ...many[0]!, last_event_id: 8 }))
    told(many)
    told(many.slice(0, 640))
    told(many)
    told(many.slice(0, 699))
  })
})
