import { assert, describe, it } from "@effect/vitest"
import { all } from "./Cases.ts"
import * as Report from "./Report.ts"
import { junit, text } from "./ReportText.ts"

const passed = all.map((it) => Report.outcome(it, "passed", 1))

/** All passed but those that match. */
const but = (verdict: Report.Verdict, wanted: (it: Report.Outcome) => boolean, reason = "because") =>
  passed.map((it) => (wanted(it) ? { ...it, verdict, reason } : it))

const inGroup = (group: string) => (it: Report.Outcome) => it.group === group

describe("tiers", () => {
  it("everything passed is durable", () => {
    assert.strictEqual(Report.tierOf(passed), "durable")
  })

  it("one failure anywhere, also in a case of no tier, leaves none", () => {
    assert.isUndefined(Report.tierOf(but("failed", inGroup("bundles"))))
    assert.isUndefined(Report.tierOf(but("failed", inGroup("restart"))))
  })

  it("a run of some of the cases shows none", () => {
    assert.isUndefined(Report.tierOf(passed.slice(1)))
  })

  it("what is unsupported or exempt costs its tier and those above", () => {
    assert.strictEqual(Report.tierOf(but("unsupported", inGroup("resume"))), "core")
    assert.strictEqual(Report.tierOf(but("exempt", ({ id }) => id === "idempotency.race")), "streaming")
    assert.isUndefined(Report.tierOf(but("unsupported", inGroup("transcript"))))
    assert.strictEqual(Report.tierOf(but("unsupported", inGroup("bundles"))), "durable")
  })

  it("what does not apply costs nothing, but nothing is durable that was not restarted", () => {
    assert.strictEqual(Report.tierOf(but("not_applicable", ({ id }) => id === "resume.cut")), "durable")
    assert.strictEqual(Report.tierOf(but("not_applicable", inGroup("restart"))), "streaming")
  })
})

describe("reports", () => {
  const report = Report.make("a <source> & \u0001", "test", but("failed", inGroup("slow"), `"1" < 2`))

  it("say in one line what came out", () => {
    assert.match(text(report), /\n\d+ passed, 2 failed, 0 unsupported, 0 exempt, 0 not applicable\nTier: none$/)
  })

  it("of a part of the cases speak of no tier", () => {
    assert.match(text(Report.make("x", "test", passed.slice(0, 5))), /\nTier: not shown, since not every case was run$/)
  })

  it("are well-formed JUnit in which a skip is no pass", () => {
    const skipped = junit(Report.make("x", "test", but("exempt", inGroup("slow"))))
    assert.include(skipped, `skipped="2"`)
    assert.include(skipped, `<skipped message="exempt: because"/>`)
    const failures = junit(report)
    assert.include(failures, `name="a &lt;source&gt; &amp; �"`)
    assert.include(failures, `<failure message="&quot;1&quot; &lt; 2"/>`)
  })
})

describe("cases", () => {
  it("have ids and sentences of their own", () => {
    assert.strictEqual(new Set(all.map(({ id }) => id)).size, all.length)
    assert.strictEqual(new Set(all.map(({ sentence }) => sentence)).size, all.length)
    for (const { sentence } of all) assert.match(sentence, /^\S.*\.$/)
  })
})
