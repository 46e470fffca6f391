/** What the kit says of sources that do less, of exemptions, and of a source that is not there. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema, Stream } from "effect"
import { cases, json, Report, run, type Source, type Subject, text } from "../../src/domain/conformance/Conformance.ts"
import type { Capabilities } from "../../src/domain/Runtime.ts"
import { complete, embedded } from "./Laboratory.ts"
import { problem } from "./mutants/Mutant.ts"

/** A source without streams and receipts that says so. */
const modest = (source: Source, declared: (all: Capabilities) => Capabilities | undefined): Source => ({
  ...source,
  describe: Effect.map(source.describe, (it) => ({ ...it, capabilities: declared(it.capabilities ?? {}) })),
  events: () => Stream.fail(problem(source, "worker.events", "operation_unsupported")),
  create: (request) => source.create(request, {}),
  input: (id, input) => source.input(id, input, {}),
  stop: (id, reason) => source.stop(id, reason, {}),
  cancel: (id, reason) => source.cancel(id, reason, {})
})

const lesser = (declared: (all: Capabilities) => Capabilities | undefined) =>
  Effect.map(embedded, (subject): Subject => ({
    ...subject,
    connect: Effect.map(subject.connect, (source) => modest(source, declared))
  }))

const without =
  (...names: ReadonlyArray<string>) =>
  (all: Capabilities): Capabilities =>
    Object.fromEntries(Object.entries(all).filter(([name]) => !names.includes(name)))

/** A source of a runtime that is a little older: it knows no modes, no interrupt and no permissions, and says so. */
const unsteered = Effect.map(embedded, (subject): Subject => ({
  ...subject,
  connect: Effect.map(subject.connect, (source) => {
    const refuse = (operation: string) => () => Effect.fail(problem(source, operation, "operation_unsupported"))
    return {
      ...source,
      describe: Effect.map(source.describe, (it) => {
        const { "workers.input": _, ...others } = without(
          "workers.interrupt",
          "workers.permissions"
        )(it.capabilities ?? {})
        return { ...it, capabilities: { ...others, "workers.input": {} } }
      }),
      input: (id, { mode, ...said }, options) =>
        mode === undefined || mode === "reject" ? source.input(id, said, options) : refuse("worker.input")(),
      interrupt: refuse("worker.interrupt"),
      permit: refuse("worker.permit"),
      unqueue: refuse("worker.unqueue")
    }
  })
}))

const failed = ({ outcomes }: Report) => outcomes.filter(({ verdict }) => verdict === "failed")

describe("verdicts", () => {
  it.live("a source without streams that says so has the tier core, and what it lacks is unsupported by name", () =>
    Effect.gen(function* () {
      const report = yield* run(yield* lesser(without("events.ws", "events.sse", "idempotency")))
      assert.deepStrictEqual(failed(report), [])
      assert.strictEqual(report.tier, "core")
      const streams = report.outcomes.filter(({ group }) => group === "resume")
      assert.isTrue(streams.every((it) => it.verdict === "unsupported" && it.reason?.includes("events")))
    })
  )

  it.live("a source whose turns cannot be steered keeps its tier, and what it lacks is unsupported by name", () =>
    Effect.gen(function* () {
      const report = yield* run(yield* unsteered)
      assert.deepStrictEqual(failed(report), [])
      assert.strictEqual(report.tier, "durable")
      const steering = report.outcomes.filter(({ group }) => group === "steering")
      assert.deepStrictEqual(
        steering.filter(({ verdict }) => verdict !== "unsupported").map(({ id, verdict }) => [id, verdict]),
        // What every worker does.
        [["steering.reject", "passed"]]
      )
      assert.isTrue(steering.every(({ reason, verdict }) => verdict === "passed" || /workers\./.test(reason ?? "")))
    })
  )

  it.live("a source without a capability map is judged by what it answers", () =>
    Effect.gen(function* () {
      const chosen = cases.filter(({ id }) => /^(honesty|lists|events)\./.test(id))
      const report = yield* run(yield* lesser(() => undefined), { cases: chosen })
      assert.deepStrictEqual(failed(report), [])
      assert.isTrue(
        report.outcomes.filter(({ group }) => group === "events").every((it) => it.verdict === "unsupported")
      )
    })
  )

  it.live("an exemption is reported as one, with its reason", () =>
    Effect.gen(function* () {
      const reason = "Lists are sorted by somebody else."
      const chosen = cases.filter(({ id }) => id.startsWith("lists."))
      const report = yield* run({ ...(yield* complete), exemptions: { "lists.pages": reason } }, { cases: chosen })
      const exempt = report.outcomes.filter(({ verdict }) => verdict === "exempt")
      assert.deepStrictEqual(
        exempt.map((it) => [it.id, it.reason]),
        [["lists.pages", reason]]
      )
      assert.include(text(report), reason)
    })
  )

  it.live("an exemption from nothing, without a reason, or from the wrong token is refused", () =>
    Effect.gen(function* () {
      const subject = yield* complete
      for (const exemptions of [
        { "lists.pagse": "typo" },
        { "lists.pages": " " },
        { "secrets.bad-credential": "later" }
      ]) {
        const { sentence } = yield* Effect.flip(run({ ...subject, exemptions }))
        assert.match(sentence, /exempt/)
      }
    })
  )

  it.live("a runtime that is not there has no report, and its address stays hidden", () =>
    Effect.gen(function* () {
      const { unreachable, ...subject } = yield* complete
      const { sentence } = yield* Effect.flip(run({ ...subject, connect: unreachable }))
      assert.include(sentence, "runtime_unreachable")
    })
  )

  it.live("a report survives its own JSON", () =>
    Effect.gen(function* () {
      const report = yield* run(yield* embedded, { cases: cases.slice(0, 5) })
      const read = yield* Schema.decodeEffect(Schema.fromJsonString(Report))(json(report))
      assert.deepStrictEqual(read, report)
    })
  )
})
