/** What a run found, as text for a terminal, as Markdown for the documentation, and as JSON. */
import { availableParallelism, cpus, release, totalmem } from "node:os"
import { type Goal, judge, type Spread, type Verdict } from "./Spread.ts"

export interface Table {
  readonly title: string
  readonly columns: ReadonlyArray<string>
  readonly rows: ReadonlyArray<ReadonlyArray<string>>
  readonly notes?: ReadonlyArray<string>
}

/** One goal of the design, and how far this run is from it. */
export interface Measured {
  readonly metric: string
  readonly goal: Goal
  readonly found: Spread
  readonly verdict: Verdict
}

export interface Part {
  readonly bench: string
  readonly tables: ReadonlyArray<Table>
  readonly goals: ReadonlyArray<Measured>
}

export interface Report {
  readonly machine: ReadonlyArray<readonly [string, string]>
  readonly seconds: number
  readonly rounds: number
  readonly parts: ReadonlyArray<Part>
}

export const measured = (metric: string, goal: Goal, found: Spread): Measured => ({
  metric,
  goal,
  found,
  verdict: judge(found, goal)
})

/** A figure that is counted and not sampled. */
export const exactly = (value: number): Spread => ({ median: value, low: value, high: value, min: value, max: value })

export const number = (value: number): string => {
  if (!Number.isFinite(value)) return "–"
  const size = Math.abs(value)
  if (size >= 1_000) return String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, " ")
  if (size >= 100 || Number.isInteger(value)) return value.toFixed(0)
  return size >= 10 ? value.toFixed(1) : value.toFixed(2)
}

/** Median and quartiles: `0.81 [0.78, 0.84]`. */
export const within = ({ median, low, high }: Spread): string => `${number(median)} [${number(low)}, ${number(high)}]`

/** What the figures depend on, without anything that names the machine. */
export const machine = (): Report["machine"] => [
  ["processors", `${availableParallelism()} × ${cpus()[0]?.model.trim() ?? "unknown"}`],
  ["memory", `${Math.round(totalmem() / 2 ** 30)} GiB`],
  ["system", `${process.platform} ${release().split(/[-+]/, 1)[0]}`],
  ["Node", process.versions.node]
]

const goalTable = (goals: ReadonlyArray<Measured>): Table => ({
  title: "Goals",
  columns: ["metric", "goal", "found", "verdict"],
  rows: goals.map(({ metric, goal, found, verdict }) => [
    metric,
    `${goal.is === "at least" ? "≥" : "≤"} ${number(goal.than)}`,
    found.low === found.high ? number(found.median) : within(found),
    verdict
  ])
})

const widthsOf = ({ columns, rows }: Table): ReadonlyArray<number> =>
  columns.map((column, at) => Math.max(column.length, ...rows.map((row) => (row[at] ?? "").length)))

const textOf = (table: Table): string => {
  const widths = widthsOf(table)
  const line = (cells: ReadonlyArray<string>) =>
    widths
      .map((width, at) => (at === 0 ? (cells[at] ?? "").padEnd(width) : (cells[at] ?? "").padStart(width)))
      .join("  ")
  return [
    table.title,
    `  ${line(table.columns)}`,
    ...table.rows.map((row) => `  ${line(row)}`),
    ...(table.notes ?? []).map((note) => `  ${note}`),
    ""
  ].join("\n")
}

const markdownOf = (table: Table, level: string): string => {
  const widths = widthsOf(table)
  const line = (cells: ReadonlyArray<string>) =>
    `| ${widths.map((width, at) => (cells[at] ?? "").padEnd(width)).join(" | ")} |`
  return [
    `${level} ${table.title}`,
    "",
    line(table.columns),
    `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`,
    ...table.rows.map(line),
    "",
    ...(table.notes ?? []).flatMap((note) => [note, ""])
  ].join("\n")
}

const tablesOf = ({ parts }: Report): ReadonlyArray<Table> => {
  const goals = parts.flatMap((part) => part.goals)
  return [...parts.flatMap((part) => part.tables), ...(goals.length === 0 ? [] : [goalTable(goals)])]
}

export const partText = ({ tables, goals }: Part): string =>
  [...tables, ...(goals.length === 0 ? [] : [goalTable(goals)])].map(textOf).join("\n")

export const markdown = (report: Report): string =>
  [
    report.machine.map(([name, value]) => `${name}: ${value}`).join(" · "),
    "",
    `${report.rounds} rounds, ${Math.round(report.seconds)} s in all. Medians with quartiles.`,
    "",
    ...tablesOf(report).map((table) => markdownOf(table, "###"))
  ].join("\n")
