/** Answers of the `connections` commands for people. */
import type { ProblemDetails } from "../../domain/api/ProblemDetails.ts"
import type { Step, TestReport } from "../../domain/ConnectionTest.ts"
import type { Diagnostic } from "../../domain/Diagnostic.ts"
import type { Applied, Listed, Written } from "./ConnectionsTarget.ts"

const table = (rows: ReadonlyArray<ReadonlyArray<string>>): ReadonlyArray<string> => {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd()
  )
}

export const diagnostics = (found: ReadonlyArray<Diagnostic>): ReadonlyArray<string> =>
  found.map(({ message, severity }) => `${severity}: ${message}`)

type View = Listed["connections"][number]

const stateOf = ({ active, restart_required, status }: View): string =>
  active === undefined
    ? "in the file"
    : restart_required === true
      ? "pending"
      : active
        ? (status ?? "unknown")
        : "not live"

export const list = (listed: Listed): ReadonlyArray<string> => [
  ...table([
    ["ID", "KIND", "ENDPOINT", "TOKEN", "CREDENTIAL", "STATE"],
    ...listed.connections.map((it) => [
      it.id,
      it.kind,
      it.endpoint ?? "-",
      it.token_ref ?? "-",
      it.credential,
      stateOf(it)
    ])
  ]),
  ...diagnostics([...listed.connections.flatMap((it) => it.diagnostics), ...listed.diagnostics])
]

export const written = (id: string, what: string, answer: Written): ReadonlyArray<string> => [
  `${id} ${what}.${answer.restart_required ? " A running backend uses it after a restart or an apply." : " The change is live."}`,
  ...diagnostics(answer.diagnostics)
]

export const applied = (answer: Applied): ReadonlyArray<string> => {
  const named = (["added", "changed", "removed"] as const).flatMap((how) =>
    answer.applied[how].length === 0 ? [] : [`${how}: ${answer.applied[how].join(", ")}`]
  )
  return [...(named.length === 0 ? ["Nothing was pending."] : named), ...diagnostics(answer.diagnostics)]
}

const marks = { pass: "ok  ", warn: "warn", fail: "FAIL", skip: "-   " } as const

export const step = ({ code, fix, latency_ms, status, step: name, summary }: Step): string => {
  const took = status === "skip" ? "" : `${Math.round(latency_ms)} ms`
  const more = status === "pass" || status === "skip" ? "" : ` [${code}]${fix === undefined ? "" : ` ${fix}`}`
  return `${marks[status]}  ${name.padEnd(12)}  ${took.padStart(7)}  ${summary}${more}`
}

export const verdict = ({ compatible, diagnostics: found, operations, steps }: TestReport): ReadonlyArray<string> => {
  const named = (which: string) =>
    operations.filter(({ verdict }) => verdict === which).map(({ operation }) => operation)
  const lists = (["available", "unavailable", "unchecked"] as const).flatMap((which) =>
    named(which).length === 0 ? [] : [`${which}: ${named(which).join(", ")}`]
  )
  const failed = steps.find(({ status }) => status === "fail")
  return [
    ...lists,
    ...diagnostics(found),
    compatible ? "Compatible." : `Not compatible: ${failed?.step ?? "unknown"}, ${failed?.code ?? "unknown"}.`
  ]
}

/** One line on what went wrong, and lines on where. */
export const refusal = ({ blockers, detail, errors, fix }: ProblemDetails): string =>
  [
    `${detail} ${fix}`,
    ...(errors ?? []).map(({ code, message, pointer }) => `${pointer}: ${message ?? code}.`),
    ...(blockers ?? []).map(
      ({ count, kind, runtime_id, worker_id }) =>
        `${kind} ${worker_id ?? ""} on ${runtime_id}${count === undefined ? "" : ` (${count})`}.`
    )
  ].join(" ")
