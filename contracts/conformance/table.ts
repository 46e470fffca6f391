/** The parts of docs/conformance.md that are made from the kit itself. */
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { cases, type Case, groupOf, groups } from "../../src/domain/conformance/Conformance.ts"
import { mutants } from "./mutants.ts"

export const path = fileURLToPath(new URL("../../docs/conformance.md", import.meta.url))

const begin = "<!-- made from the kit: npm run conformance:write -->"
const end = "<!-- end -->"

const needsOf = ({ hook, needs }: Case): string =>
  [...needs.map((need) => `\`${need}\``), ...(hook === undefined ? [] : [`_${hook}_`])].join(", ")

const row = (it: Case): string => {
  const bugs = mutants.filter(({ caughtBy }) => caughtBy === it.id).length
  return `| \`${it.id}\` | ${it.tier ?? ""} | ${it.sentence} | ${needsOf(it)} | ${bugs} |`
}

/** Markdown of all cases, group by group. */
export const generate = (): string =>
  groups
    .map((group) =>
      [
        `### ${group}`,
        "",
        "| case | tier | what must hold | needs | mutants |",
        "| --- | --- | --- | --- | --- |",
        ...cases.filter((it) => groupOf(it) === group).map(row)
      ].join("\n")
    )
    .join("\n\n")

/** The document with its made part replaced. */
export const renew = (document: string): string => {
  const from = document.indexOf(begin) + begin.length
  const to = document.indexOf(end)
  if (from < begin.length || to < from) throw new Error("docs/conformance.md has lost its markers")
  return `${document.slice(0, from)}\n\n${generate()}\n\n${document.slice(to)}`
}

export const read = (): string => readFileSync(path, "utf8")

/** Tables as the formatter leaves them differ in blanks alone. */
export const squeezed = (document: string): string => document.replaceAll(/ +/g, " ").replaceAll(/-{3,}/g, "---")
