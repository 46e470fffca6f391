/** The remote source against a real worker-runtime process: every operation, and the stream. */
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer, Redacted, Stream } from "effect"
import * as Digest from "effect/crypto/Digest"
import { digest } from "../../src/domain/ConfigBundle.ts"
import { IdempotencyKey, WorkerId } from "../../src/domain/Identifiers.ts"
import type * as Problem from "../../src/domain/Problem.ts"
import type { RuntimeSource, SourceFrame } from "../../src/domain/RuntimeSource.ts"
import * as RuntimeProcess from "../support/RuntimeProcess.ts"
import { alias, egress, onPort, word } from "./remoteWorld.ts"

const token = "contract-token-0123456789abcdef"

class Remote extends Context.Service<Remote, { readonly source: RuntimeSource["Service"]; readonly port: number }>()(
  "contracts/Remote"
) {
  static readonly layer = Layer.effect(
    Remote,
    Effect.gen(function* () {
      const { port } = yield* RuntimeProcess.make({ token })
      const source = yield* onPort(port, { token: Effect.succeed(Redacted.make(token)) })
      return { source, port }
    })
  ).pipe(Layer.provideMerge(egress))
}

const user = (content: string) => ({ kind: "user", content }) as const
const keyed = (text: string) => ({ idempotency_key: IdempotencyKey.make(text) })

const created = Effect.gen(function* () {
  const { source } = yield* Remote
  const { answer } = yield* source.create({}, {})
  return { source, worker_id: answer.worker_id }
})

/** The frames of a worker's stream up to the first that is wanted. */
const until = (
  source: RuntimeSource["Service"],
  worker_id: WorkerId,
  cursor: string | undefined,
  wanted: (frame: SourceFrame) => boolean
): Effect.Effect<ReadonlyArray<SourceFrame>, Problem.Problem> =>
  Stream.runCollect(Stream.takeUntil(source.events(worker_id, cursor), wanted))

const isIdle = (frame: SourceFrame) =>
  frame.kind === "event" && frame.event.event === "status" && frame.event.data.state === "idle"

/** Says something and waits for the end of the turn. */
const turn = (source: RuntimeSource["Service"], worker_id: WorkerId, content: string) =>
  Effect.gen(function* () {
    const { answer } = yield* source.input(worker_id, user(content), {})
    return yield* until(
      source,
      worker_id,
      undefined,
      (frame) =>
        (isIdle(frame) && frame.kind === "event" && (frame.seq ?? 0) > answer.event_id) ||
        (frame.kind === "snapshot" && frame.snapshot.state === "idle" && Number(frame.snapshot.as_of) > answer.event_id)
    )
  })

it.layer(Remote.layer, { timeout: "60 seconds", excludeTestServices: true })(
  "remote source on a real runtime",
  (it) => {
    describe("operations", () => {
      it.effect("describe tells what the runtime is and can", () =>
        Effect.gen(function* () {
          const { source } = yield* Remote
          const description = yield* source.describe
          assert.strictEqual(description.runtime_id, "rt-process")
          assert.isString(description.version)
          assert.containsAllKeys(description.capabilities, [
            "workers.create",
            "workers.input",
            "workers.stop",
            "workers.cancel",
            "workers.transcript",
            "events.ws",
            "config_bundles",
            "idempotency"
          ])
          assert.deepStrictEqual(description.profiles[0]?.selector, { kind: "builtin", value: "echo" })
        })
      )

      it.effect("create takes a name, an id and a first input, and answers under the alias", () =>
        Effect.gen(function* () {
          const { source } = yield* Remote
          const worker_id = WorkerId.make("chosen-1")
          const { answer, replayed } = yield* source.create(
            { worker_id, display_name: "Ada", initial_input: user("first") },
            {}
          )
          assert.isFalse(replayed)
          assert.deepStrictEqual([answer.runtime_id, answer.worker_id, answer.display_name], [alias, worker_id, "Ada"])
          assert.strictEqual((yield* Effect.flip(source.create({ worker_id }, {})))._tag, "worker_id_taken")
          const wrong = yield* Effect.flip(source.create({ initial_input: { kind: "system", content: "x" } }, {}))
          assert.strictEqual(wrong._tag, "invalid_initial_input_kind")
          const unknown = yield* Effect.flip(source.create({ profile: { kind: "builtin", value: "nobody" } }, {}))
          assert.strictEqual(unknown._tag, "invalid_profile_selector")
        })
      )

      it.effect("input is answered with its place, and its echo is in the transcript", () =>
        Effect.gen(function* () {
          const { source, worker_id } = yield* created
          const { answer } = yield* source.input(worker_id, user("hello"), {})
          assert.deepStrictEqual(
            [answer.runtime_id, answer.worker_id, answer.transcript_sequence],
            [alias, worker_id, 1]
          )
          yield* until(
            source,
            worker_id,
            undefined,
            (it) => isIdle(it) || (it.kind === "snapshot" && it.snapshot.state === "idle")
          )
          const page = yield* source.transcript(worker_id, {})
          assert.deepStrictEqual(
            page.items.map(({ content, role, sequence }) => [sequence, role, content]),
            [
              [1, "user", "hello"],
              [2, "assistant", "hello"]
            ]
          )
          assert.isNull(page.next_start)
        })
      )

      it.effect("refusals arrive under their own codes", () =>
        Effect.gen(function* () {
          const { source, worker_id } = yield* created
          const nobody = WorkerId.make("nobody")
          assert.strictEqual(yield* word(source.get(nobody)), "worker_not_found")
          assert.strictEqual(yield* word(source.input(nobody, user("x"), {})), "worker_not_found")
          assert.strictEqual(yield* word(source.stop(nobody, undefined, {})), "worker_not_found")
          assert.strictEqual(yield* word(source.transcript(nobody, {})), "worker_not_found")
          assert.strictEqual(yield* word(source.input(worker_id, user(" "), {})), "invalid_request")
          assert.strictEqual(yield* word(source.transcript(worker_id, { limit: 0 })), "invalid_query")
          assert.strictEqual(yield* word(source.list({ limit: 0 })), "invalid_query")
          assert.strictEqual(
            yield* word(source.input(worker_id, user("/wait 60001 x"), {})),
            "worker_execution_rejected"
          )
          yield* source.input(worker_id, user("/wait 30000 x"), {})
          const busy = yield* Effect.flip(source.input(worker_id, user("y"), {}))
          assert.strictEqual(busy._tag, "worker_busy")
          assert.strictEqual(busy.context.retry_after_ms, 1_000)
          assert.strictEqual((yield* source.stop(worker_id, "enough", {})).answer.state, "stopped")
          assert.strictEqual((yield* source.cancel(worker_id, undefined, {})).answer.state, "stopped")
          assert.strictEqual(yield* word(source.input(worker_id, user("z"), {})), "worker_not_running")
        })
      )

      it.effect("a key is passed on: the same command is answered again and not done again", () =>
        Effect.gen(function* () {
          const { source } = yield* Remote
          const one = yield* source.create({ display_name: "Once" }, keyed("create-1"))
          const two = yield* source.create({ display_name: "Once" }, keyed("create-1"))
          assert.deepStrictEqual([one.replayed, two.replayed], [false, true])
          assert.strictEqual(one.answer.worker_id, two.answer.worker_id)
          assert.strictEqual(
            yield* word(source.create({ display_name: "Other" }, keyed("create-1"))),
            "idempotency_key_reused"
          )
          const { worker_id } = one.answer
          yield* source.input(worker_id, user("hi"), keyed("input-1"))
          const again = yield* source.input(worker_id, user("hi"), keyed("input-1"))
          assert.isTrue(again.replayed)
          assert.strictEqual(again.answer.transcript_sequence, 1)
          yield* source.cancel(worker_id, undefined, keyed("cancel-1"))
          assert.isTrue((yield* source.cancel(worker_id, undefined, keyed("cancel-1"))).replayed)
        })
      )

      it.effect("lists page by page and by state, every worker once", () =>
        Effect.gen(function* () {
          const { source, worker_id } = yield* created
          yield* source.cancel(worker_id, undefined, {})
          yield* created
          const seen: Array<string> = []
          let cursor: string | undefined
          do {
            const page: { items: ReadonlyArray<{ worker_id: string }>; next_cursor: string | null } =
              yield* source.list({
                limit: 2,
                ...(cursor === undefined ? undefined : { cursor })
              })
            seen.push(...page.items.map((it) => it.worker_id))
            cursor = page.next_cursor ?? undefined
          } while (cursor !== undefined)
          assert.strictEqual(new Set(seen).size, seen.length)
          const all = yield* source.list({})
          assert.deepStrictEqual(
            seen,
            all.items.map((it) => it.worker_id as string)
          )
          const cancelled = yield* source.list({ state: "cancelled" })
          assert.include(
            cancelled.items.map((it) => it.worker_id),
            worker_id
          )
          assert.isTrue(cancelled.items.every((it) => it.state === "cancelled"))
          assert.strictEqual(yield* word(source.list({ cursor: "no such place" })), "invalid_cursor")
        })
      )

      it.effect("config bundles are sent, listed, found and refused", () =>
        Effect.gen(function* () {
          const { source } = yield* Remote
          const draft = {
            id: "bundle-1",
            revision: "1",
            workspace_id: "ws",
            created_at: "2026-01-01T00:00:00Z",
            provenance: { source: "contract" },
            profiles: [{ selector: { kind: "builtin", value: "echo" }, label: "Echo" }],
            declarations: []
          } as const
          const bundle = { ...draft, digest: yield* digest(draft) }
          const put = yield* source.putBundle(bundle)
          assert.deepStrictEqual(put.reference, { id: "bundle-1", digest: bundle.digest })
          assert.deepStrictEqual(
            (yield* source.bundles).map(({ id }) => id),
            ["bundle-1"]
          )
          assert.strictEqual((yield* source.bundleAvailability("bundle-1", bundle.digest)).summary.profile_count, 1)
          assert.strictEqual(yield* word(source.bundleAvailability("bundle 2/ü", undefined)), "config_bundle_missing")
          const other = "0".repeat(64)
          assert.strictEqual(yield* word(source.bundleAvailability("bundle-1", other)), "config_bundle_digest_mismatch")
          assert.strictEqual(
            yield* word(source.putBundle({ ...bundle, digest: other })),
            "config_bundle_digest_mismatch"
          )
        }).pipe(Effect.provide(Digest.layerWebCrypto))
      )

      it.effect("a wrong token is a matter between backend and runtime", () =>
        Effect.gen(function* () {
          const { port } = yield* Remote
          for (const wrong of [undefined, Effect.succeed(Redacted.make("wrong"))]) {
            const source = yield* onPort(port, { token: wrong })
            assert.strictEqual(yield* word(source.describe), "runtime_auth_failed")
            assert.strictEqual(yield* word(source.create({}, {})), "runtime_auth_failed")
            assert.strictEqual(
              yield* word(Stream.runDrain(source.events(WorkerId.make("w"), undefined))),
              "runtime_auth_failed"
            )
          }
        }).pipe(Effect.scoped)
      )
    })

    describe("events", () => {
      it.effect("snapshot first, then numbered events without a hole, then the end", () =>
        Effect.gen(function* () {
          const { source, worker_id } = yield* created
          yield* turn(source, worker_id, "before")
          let said = false
          const frames = yield* source.events(worker_id, undefined).pipe(
            Stream.tap((frame) => {
              if (frame.kind === "snapshot") return Effect.asVoid(source.input(worker_id, user("now"), {}))
              if (!isIdle(frame) || said) return Effect.void
              said = true
              return Effect.asVoid(source.stop(worker_id, undefined, {}))
            }),
            Stream.runCollect
          )
          const first = frames[0]!
          assert.strictEqual(first.kind, "snapshot")
          const as_of = first.kind === "snapshot" ? Number(first.snapshot.as_of) : 0
          const numbers = frames.flatMap((frame) => (frame.kind === "event" && frame.durable ? [frame.seq] : []))
          assert.deepStrictEqual(
            numbers,
            numbers.map((_, index) => as_of + 1 + index)
          )
          assert.deepStrictEqual(frames.at(-1), { kind: "end", state: "stopped" })
          const text = frames.flatMap((it) =>
            it.kind === "event" && it.event.event === "text_delta" ? [it.event.data.text] : []
          )
          assert.strictEqual(text.join(""), "now")
        })
      )

      it.effect("a cursor resumes after it; a foreign one is a resync; a malformed one is refused", () =>
        Effect.gen(function* () {
          const { source, worker_id } = yield* created
          const before = yield* until(source, worker_id, undefined, (it) => it.kind === "snapshot")
          const { cursor } = before[0] as Extract<SourceFrame, { kind: "snapshot" }>
          yield* turn(source, worker_id, "missed")
          const resumed = yield* until(source, worker_id, cursor, isIdle)
          assert.deepStrictEqual(
            resumed.map((it) => (it.kind === "event" ? it.event.event : it.kind)),
            ["snapshot", "user_message", "status", "text_done", "run_end", "status"]
          )
          const foreign = yield* until(source, worker_id, "0123456789abcdef.1", (it) => it.kind === "snapshot")
          assert.deepStrictEqual(foreign[0], { kind: "resync", reason: "epoch_changed" })
          assert.strictEqual(yield* word(until(source, worker_id, "not a cursor", () => true)), "invalid_cursor")
        })
      )

      it.effect("the largest input arrives as an event and in the snapshot", () =>
        Effect.gen(function* () {
          const { source, worker_id } = yield* created
          // Characters that JSON writes as six bytes each.
          const content = "\u0001".repeat(380_000)
          yield* source.input(worker_id, user(content), {})
          const frames = yield* until(
            source,
            worker_id,
            undefined,
            (it) => isIdle(it) || (it.kind === "snapshot" && it.snapshot.state === "idle")
          )
          assert.isAbove(frames.length, 0)
          const snapshot = (yield* until(source, worker_id, undefined, (it) => it.kind === "snapshot"))[0]!
          assert.strictEqual(snapshot.kind === "snapshot" ? snapshot.snapshot.transcript.total_items : 0, 2)
          const page = yield* source.transcript(worker_id, {})
          assert.strictEqual(page.items[0]?.content, content)
        })
      )

      it.effect("an unknown worker has no stream", () =>
        Effect.gen(function* () {
          const { source } = yield* Remote
          assert.strictEqual(
            yield* word(Stream.runDrain(source.events(WorkerId.make("nobody"), undefined))),
            "worker_not_found"
          )
        })
      )
    })
  }
)
