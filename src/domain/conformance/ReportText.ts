/** A report as text for a terminal, as JSON, and as the JUnit XML that build servers read. */
import { Schema } from "effect"
import { all } from "./Cases.ts"
import { type Outcome, Report } from "./Report.ts"

const words = {
  passed: "ok",
  failed: "FAILED",
  unsupported: "unsupported",
  exempt: "exempt",
  not_applicable: "n/a"
} as const

const line = ({ id, reason, sentence, verdict }: Outcome): string =>
  `${words[verdict].padEnd(12)}${id.padEnd(30)}${sentence}${reason === undefined ? "" : `\n${" ".repeat(12)}→ ${reason}`}`

export const text = ({ kind, outcomes, subject, tier, totals }: Report): string =>
  [
    `Conformance of ${subject} (${kind})`,
    "",
    ...outcomes.map(line),
    "",
    `${totals.passed} passed, ${totals.failed} failed, ${totals.unsupported} unsupported, ${totals.exempt} exempt, ${totals.not_applicable} not applicable`,
    outcomes.length < all.length ? "Tier: not shown, since not every case was run" : `Tier: ${tier ?? "none"}`
  ].join("\n")

const encode = Schema.encodeSync(Schema.fromJsonString(Report))

export const json = (report: Report): string => encode(report)

/** XML 1.0 has no other control characters, escaped or not. */
const unwritable = /[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu
const entities: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" }

const xml = (value: string): string => value.replace(unwritable, "�").replace(/[&<>"]/g, (it) => entities[it]!)

const seconds = (ms: number): string => (ms / 1_000).toFixed(3)

const testcase = ({ duration_ms, group, id, reason, sentence, verdict }: Outcome): string => {
  const open = `    <testcase classname="conformance.${group}" name="${xml(`${id}: ${sentence}`)}" time="${seconds(duration_ms)}"`
  if (verdict === "passed") return `${open}/>`
  const why = xml(reason ?? "")
  const inner = verdict === "failed" ? `<failure message="${why}"/>` : `<skipped message="${verdict}: ${why}"/>`
  return `${open}>${inner}</testcase>`
}

/** Everything that is neither passed nor failed is a skip that says which: a skip is never a pass. */
export const junit = ({ outcomes, subject, tier, totals }: Report): string => {
  const skipped = outcomes.length - totals.passed - totals.failed
  const time = seconds(outcomes.reduce((sum, { duration_ms }) => sum + duration_ms, 0))
  const counts = `tests="${outcomes.length}" failures="${totals.failed}" errors="0" skipped="${skipped}" time="${time}"`
  return [
    `<?xml version="1.0" encoding="UTF-8"?>`,
    `<testsuites ${counts}>`,
    `  <testsuite name="${xml(subject)}" ${counts}>`,
    `    <properties><property name="tier" value="${tier ?? "none"}"/></properties>`,
    ...outcomes.map(testcase),
    `  </testsuite>`,
    `</testsuites>`,
    ""
  ].join("\n")
}
