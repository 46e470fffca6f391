/** A source behind a wire keeps every promise of the port; the wire's end, its bounds and what travels along are certain. */
import { PassThrough } from "node:stream"
import { MessageChannel, type MessagePort } from "node:worker_threads"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Logger, Option, Random, Scope, Stream } from "effect"
import { maxPortionLength, portions } from "../../src/adapters/rpc/FramePortions.ts"
import * as Pipe from "../../src/adapters/rpc/Pipe.ts"
import { maxWaitingLength } from "../../src/adapters/rpc/PipeClient.ts"
import * as RpcSource from "../../src/adapters/rpc/RpcSource.ts"
import * as Wire from "../../src/adapters/rpc/Wire.ts"
import { suite } from "../../src/domain/conformance/Conformance.ts"
import { IdempotencyKey, WorkerId } from "../../src/domain/Identifiers.ts"
import { RequestId } from "../../src/domain/RequestId.ts"
import type { SourceFrame } from "../../src/domain/RuntimeSource.ts"
import { embedded } from "./Laboratory.ts"
import * as RpcSubject from "./RpcSubject.ts"

suite({ afterAll, beforeAll, describe, it }, "the source across a wire", RpcSubject.make, { tier: "durable" })

const heardBy = (wire: Wire.Wire) => {
  const texts: Array<string> = []
  return new Promise<{ readonly texts: ReadonlyArray<string>; readonly why: Wire.WireEnd }>((resolve) => {
    wire.open(
      (text) => void texts.push(text),
      (why) => resolve({ texts, why })
    )
  })
}

const portPair = () => {
  const { port1, port2 } = new MessageChannel()
  return [port1, port2] as const
}

const post = (port: MessagePort, text: string) => Wire.overPort(port).write(text, () => undefined)

const worker_id = WorkerId.make("w-1")

describe("a wire", () => {
  it("gives texts whole, however they are cut on the way", async () => {
    const bytes = new PassThrough()
    const heard = heardBy(Wire.overStream(bytes))
    const texts = ["", "plain", "日本語 🎈 ü", JSON.stringify({ line: "one\ntwo" }), "x".repeat(100_000)]
    for (const byte of Buffer.from(texts.map((text) => `${text}\n`).join(""))) bytes.write(Buffer.of(byte))
    bytes.end()
    assert.deepStrictEqual(await heard, { texts, why: "closed" })
  })

  it("ends when a text is longer than any may be, and does not wait for its end", async () => {
    const bytes = new PassThrough()
    const heard = heardBy(Wire.overStream(bytes))
    const part = Buffer.alloc(1_048_576, "x")
    for (let sent = 0; sent <= Wire.maxTextLength; sent += part.length) bytes.write(part)
    assert.deepStrictEqual(await heard, { texts: [], why: "text_too_long" })
    const [near, far] = portPair()
    const over = heardBy(Wire.overPort(near))
    post(far, "x".repeat(Wire.maxTextLength + 1))
    assert.deepStrictEqual(await over, { texts: [], why: "text_too_long" })
  })

  it("carries a text of the greatest length", async () => {
    const bytes = new PassThrough()
    const heard = heardBy(Wire.overStream(bytes))
    bytes.end(`${"x".repeat(Wire.maxTextLength)}\n`)
    assert.strictEqual((await heard).texts[0]?.length, Wire.maxTextLength)
  })
})

describe("a pipe", () => {
  const ends = (says: string) =>
    Effect.gen(function* () {
      const [near, far] = portPair()
      const pipe = Pipe.make(Wire.overPort(near))
      post(far, says)
      return yield* pipe.ended
    })

  it.live("ends when the other side says what nobody says", () =>
    Effect.gen(function* () {
      for (const says of ["", "{", "[]", '{"channel":"1","message":{}}', '{"channel":1,"message":"x"}']) {
        assert.strictEqual(yield* ends(says), "garbled", says)
      }
    })
  )

  it.live("ends when an answer has no question, and when the other side says more than was asked for", () =>
    Effect.gen(function* () {
      const [near, far] = portPair()
      const pipe = Pipe.make(Wire.overPort(near))
      yield* RpcSource.make(pipe, 3)
      post(far, JSON.stringify({ channel: 3, message: { _tag: "Defect", defect: "x" } }))
      assert.strictEqual(yield* pipe.ended, "garbled")

      const [mine, theirs] = portPair()
      const flooded = Pipe.make(Wire.overPort(mine))
      const source = yield* RpcSource.make(flooded, 3)
      theirs.on("message", (text: string) => {
        const { message } = JSON.parse(text) as { readonly message: { readonly _tag: string; readonly id?: number } }
        if (message._tag !== "Request") return
        const bookmark = { kind: "bookmark", cursor: "x".repeat(4_194_304) }
        const chunk = { _tag: "Chunk", requestId: message.id, values: Array.from({ length: 4 }, () => bookmark) }
        const parts = Math.ceil(maxWaitingLength / JSON.stringify(chunk).length) + 3
        for (let part = 0; part < parts; part++) post(theirs, JSON.stringify({ channel: 3, message: chunk }))
      })
      // The reader takes one frame and stands still.
      const read = yield* Effect.forkScoped(Stream.runForEach(source.events(worker_id, undefined), () => Effect.never))
      assert.strictEqual(yield* flooded.ended, "garbled")
      yield* Fiber.interrupt(read)
    }).pipe(Effect.scoped)
  )
})

describe("the end of a wire", () => {
  it.live(
    "is learnt by streams and calls at once: what is asked after it fails as not sent, whatever broke off before",
    () =>
      Effect.gen(function* () {
        const base = yield* embedded
        const hosted = yield* base.connect
        const { answer } = yield* hosted.create({}, {})
        const id = answer.worker_id
        for (let round = 0; round < 200; round++) {
          const scope = yield* Scope.make()
          const { far, primitives } = yield* Scope.provide(RpcSubject.across(hosted), scope)
          const broken = yield* Effect.forEach(Array.from({ length: 3 }), () =>
            Effect.forkScoped(Effect.flip(Stream.runDrain(primitives.events(id, undefined))))
          )
          const call = yield* Effect.forkScoped(Effect.exit(primitives.describe))
          for (let turn = yield* Random.nextIntBetween(0, 40); turn > 0; turn--) yield* Effect.yieldNow
          far.end("closed")
          for (const one of broken) {
            const problem = yield* Fiber.join(one)
            assert.strictEqual(problem.context.reason, "host_lost")
          }
          // The moment that one of them knows, nothing else is left to find out.
          for (const options of [{}, { idempotency_key: IdempotencyKey.make("after") }]) {
            const after = yield* Effect.flip(primitives.input(id, { kind: "user", content: "x" }, options))
            assert.strictEqual(after.context.reason, "host_lost")
          }
          yield* Fiber.join(call)
          yield* Scope.close(scope, Exit.void)
        }
        assert.strictEqual((yield* hosted.get(id)).transcript_len, 0)
        while ((yield* base.openStreams) > 0) yield* Effect.sleep(1)
      }).pipe(Effect.scoped)
  )

  it.live("in the middle of a command says that it may have been carried out, unless a key protects it", () =>
    Effect.gen(function* () {
      const base = yield* embedded
      const hosted = yield* base.connect
      const { far, primitives } = yield* RpcSubject.across({ ...hosted, input: () => Effect.never })
      const command = (options: { readonly idempotency_key?: IdempotencyKey }) =>
        Effect.forkScoped(Effect.flip(primitives.input(worker_id, { kind: "user", content: "x" }, options)))
      const bare = yield* command({})
      const keyed = yield* command({ idempotency_key: IdempotencyKey.make("k-1") })
      yield* Effect.sleep(20)
      far.end("closed")
      assert.strictEqual((yield* Fiber.join(bare)).context.reason, "answer_lost")
      assert.strictEqual((yield* Fiber.join(keyed)).context.reason, "host_lost")
    }).pipe(Effect.scoped)
  )
})

describe("a source's host", () => {
  it.live("works within the request and the trace of the call", () =>
    Effect.gen(function* () {
      const base = yield* embedded
      const hosted = yield* base.connect
      const seen: Array<string | undefined> = []
      const look = Effect.gen(function* () {
        const span = yield* Effect.option(Effect.currentSpan)
        seen.push(yield* RequestId, Option.getOrUndefined(span)?.traceId)
      })
      const { primitives } = yield* RpcSubject.across({
        ...hosted,
        describe: Effect.andThen(look, hosted.describe),
        events: (...asked) => Stream.unwrap(Effect.as(look, Stream.take(hosted.events(...asked), 1)))
      })
      const { answer } = yield* hosted.create({}, {})
      const trace = yield* Effect.gen(function* () {
        yield* primitives.describe
        yield* Stream.runDrain(primitives.events(answer.worker_id, undefined))
        return (yield* Effect.currentSpan).traceId
      }).pipe(Effect.withSpan("caller"), Effect.provideService(RequestId, "r-1"))
      assert.deepStrictEqual(seen, ["r-1", trace, "r-1", trace])
      seen.length = 0
      yield* primitives.describe
      assert.isUndefined(seen[0])
    }).pipe(Effect.scoped)
  )

  it.live("that meets a defect says that it failed and nothing of the defect, also to the log, and goes on", () => {
    const lines: Array<string> = []
    const keep = Logger.map(Logger.formatJson, (line) => void lines.push(line))
    return Effect.gen(function* () {
      const base = yield* embedded
      const hosted = yield* base.connect
      const text = "host-defect-51c0 at postgres://hosted.internal"
      const { primitives } = yield* RpcSubject.across({ ...hosted, input: () => Effect.die(new Error(text)) })
      const { answer } = yield* primitives.create({}, {})
      const problem = yield* Effect.flip(primitives.input(answer.worker_id, { kind: "user", content: "x" }, {}))
      assert.deepStrictEqual([problem._tag, problem.context.reason], ["runtime_failed", "failed_midway"])
      assert.notInclude(JSON.stringify([problem, problem.stack]), text)
      assert.strictEqual((yield* primitives.get(answer.worker_id)).state, "idle")
      const log = lines.join("\n")
      assert.match(log, /"error":"Error","at":"rpc\.test\.ts:[0-9]+:[0-9]+"/)
      assert.notInclude(log, "51c0")
    }).pipe(Effect.scoped, Effect.provide(Logger.layer([keep])))
  })
})

describe("portions of a stream", () => {
  const event = (length: number): SourceFrame => ({
    kind: "event",
    cursor: "e.1",
    event_id: "1",
    durable: true,
    event: { event: "note", data: {} },
    json: "x".repeat(length)
  })

  it("are together at most as long as a message may be, and keep order; a longer frame goes alone", () => {
    const frames = [event(600_000), event(300_000), event(300_000), event(2_000_000), event(10)]
    const cut = portions(frames)
    assert.deepStrictEqual(
      cut.map((part) => part.length),
      [2, 1, 1, 1]
    )
    assert.deepStrictEqual(cut.flat(), frames)
    for (const part of cut) {
      const length = part.reduce((sum, frame) => sum + (frame.kind === "event" ? (frame.json?.length ?? 0) : 0), 0)
      assert.isTrue(part.length === 1 || length <= maxPortionLength)
    }
  })
})
