/** What came of a verification: for people, for scripts and for CI. */
import type { Checked, Outcome } from "./Outcome.ts"

export interface Totals {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
}

const count = (all: ReadonlyArray<Checked>, tag: Outcome["_tag"]): number =>
  all.filter(({ outcome }) => outcome._tag === tag).length

export const totals = (all: ReadonlyArray<Checked>): Totals => ({
  passed: count(all, "passed"),
  failed: count(all, "failed"),
  skipped: count(all, "skipped")
})

const line = (it: Totals): string => `${it.passed} passed, ${it.failed} failed, ${it.skipped} skipped`

/** Nothing but skips proves nothing. */
export const isVerified = (it: Totals): boolean => it.failed === 0 && it.passed > 0

const lines = ({ name, outcome, state }: Checked): ReadonlyArray<string> => {
  const title = `${name} (${state})`
  switch (outcome._tag) {
    case "passed":
      return [`pass  ${title}`]
    case "skipped":
      return [`skip  ${title}: ${outcome.why}`]
    case "failed":
      return [
        `FAIL  ${title}`,
        ...outcome.differences.map((it) => `      ${it}`),
        ...(outcome.reproduce === undefined ? [] : [`      $ ${outcome.reproduce}`])
      ]
  }
}

export const text = (all: ReadonlyArray<Checked>): string => [...all.flatMap(lines), "", line(totals(all))].join("\n")

export const json = (all: ReadonlyArray<Checked>): string =>
  `${JSON.stringify({ totals: totals(all), interactions: all }, undefined, 2)}\n`

const entities: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" }

/** Without the control characters that XML cannot hold. */
const xml = (value: string): string =>
  value
    .replaceAll(/[&<>"]/g, (character) => entities[character] ?? "")
    // eslint-disable-next-line no-control-regex -- these are what has to go
    .replaceAll(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g, "")

const outcomeXml = (outcome: Outcome): string => {
  switch (outcome._tag) {
    case "passed":
      return ""
    case "skipped":
      return `<skipped message="${xml(outcome.why)}"/>`
    case "failed": {
      const body = [...outcome.differences, ...(outcome.reproduce === undefined ? [] : [outcome.reproduce])].join("\n")
      return `<failure message="${xml(outcome.differences[0] ?? "")}">${xml(body)}</failure>`
    }
  }
}

export const junit = (suite: string, all: ReadonlyArray<Checked>): string => {
  const { failed, skipped } = totals(all)
  const cases = all.map(
    ({ name, outcome, state }) =>
      `  <testcase classname="${xml(state)}" name="${xml(name)}">${outcomeXml(outcome)}</testcase>`
  )
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuite name="${xml(suite)}" tests="${all.length}" failures="${failed}" skipped="${skipped}">`,
    ...cases,
    "</testsuite>",
    ""
  ].join("\n")
}
