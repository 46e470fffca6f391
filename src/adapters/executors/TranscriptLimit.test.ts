/** The bound of a worker's transcript, with sessions that say what the test wants. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Stream } from "effect"
import { WorkerId } from "../../domain/Identifiers.ts"
import { event, type WorkerEvent } from "../../domain/WorkerEvent.ts"
import type { SpawnRequest } from "../../domain/WorkerExecutor.ts"
import * as TranscriptLimit from "./TranscriptLimit.ts"

const delta = (text: string) => event({ event: "text_delta", data: { text } })
const done = (text: string) => event({ event: "text_done", data: { text } })
const limitReached = event({ event: "run_end", data: { result: "limit_reached" } })

/** A session that answers each input with the next of the given turns; `started` counts them. */
const limited = Effect.fnUntraced(function* (
  max: number,
  turns: ReadonlyArray<ReadonlyArray<WorkerEvent>>,
  resume?: SpawnRequest["resume"]
) {
  let started = 0
  const executor = TranscriptLimit.limited(
    {
      profiles: [],
      declarationKinds: new Set(),
      spawn: () =>
        Effect.succeed({ accept: () => Effect.sync(() => Stream.fromIterable(turns[started++ % turns.length]!)) })
    },
    max
  )
  const session = yield* executor.spawn({
    worker_id: WorkerId.make("w-1"),
    profile: { kind: "runtime_default" },
    ...(resume === undefined ? undefined : { resume })
  })
  const say = (content: string) =>
    Effect.flatMap(session.accept({ kind: "user", content }), (turn) =>
      Effect.map(Stream.runCollect(turn), (events) => [...events])
    )
  return { say, session, started: () => started }
})

describe("a transcript's bound", () => {
  it.effect("leaves turns alone that stay below it, whatever else they tell", () =>
    Effect.gen(function* () {
      const turn = [
        event({ event: "thinking_done", data: { text: "x".repeat(1_000) } }),
        delta("12345"),
        delta("67890"),
        done("1234567890")
      ]
      const { say } = yield* limited(60, [turn])
      // 20 bytes each: of these 10 are the input.
      for (let n = 0; n < 3; n++) assert.deepStrictEqual(yield* say("0123456789"), turn)
    })
  )

  it.effect("ends the turn that meets it with what fitted, and refuses all further input, starting nothing", () =>
    Effect.gen(function* () {
      const { say, session, started } = yield* limited(30, [[delta("12345678"), delta("9".repeat(50)), done("never")]])
      assert.deepStrictEqual(yield* say("0123456789"), [delta("12345678"), done("12345678999999999999"), limitReached])
      const refused = yield* Effect.flip(session.accept({ kind: "user", content: "x" }))
      assert.strictEqual(refused._tag, "worker_execution_rejected")
      assert.include(refused.message, "30 bytes")
      assert.strictEqual(started(), 1)
    })
  )

  it.effect("counts what was shown of a turn that was interrupted", () =>
    Effect.gen(function* () {
      const { say } = yield* limited(30, [[delta("1234567890")], [delta("12345678901234567890")]])
      yield* say("0123456789")
      assert.deepStrictEqual(yield* say("ab"), [done("12345678"), limitReached])
    })
  )

  it.effect("counts bytes and cuts whole characters", () =>
    Effect.gen(function* () {
      const { say } = yield* limited(10, [[done("日本語です")]])
      assert.deepStrictEqual(yield* say("日"), [done("日本"), limitReached])
    })
  )

  it.effect("is met by a note as by an answer", () =>
    Effect.gen(function* () {
      const note = (content: string) => event({ event: "system_item", data: { item: { content } } })
      const { say } = yield* limited(10, [[note("x".repeat(100)), done("more")]])
      assert.deepStrictEqual(yield* say("0"), [note("x".repeat(9)), limitReached])
    })
  )

  it.effect("refuses an input that alone would exceed it; a shorter one is still taken", () =>
    Effect.gen(function* () {
      const { say } = yield* limited(10, [[done("ok")]])
      assert.isTrue(Exit.isFailure(yield* Effect.exit(say("x".repeat(11)))))
      assert.deepStrictEqual(yield* say("x"), [done("ok")])
    })
  )

  it.effect("holds over a restart of the runtime, which tells what there is once it matters", () =>
    Effect.gen(function* () {
      let asked = 0
      const transcript_bytes = Effect.sync(() => {
        asked++
        return 25
      })
      const { say } = yield* limited(30, [[done("1234567890")]], { backend_id: undefined, transcript_bytes })
      assert.strictEqual(asked, 0)
      assert.deepStrictEqual(yield* say("ab"), [done("123"), limitReached])
      assert.isTrue(Exit.isFailure(yield* Effect.exit(say("x"))))
      assert.strictEqual(asked, 1)
    })
  )
})
