/**
 * `npm run bench -- [names] [--rounds N] [--turn MS] [--json FILE] [--docs] [--before DIR] [--profile DIR]`: figures of
 * the product beside raw baselines of the same run, in turns, so that only ratios count. `--before` adds another checkout
 * of the product as a contender, `--docs` writes the tables into docs/performance.md, `--profile` leaves a processor
 * profile of every process of the product (`node bench/profile.ts FILE` condenses it).
 */
import { readFileSync, writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import { append } from "./append.ts"
import { bundle } from "./bundle.ts"
import type { Settings } from "./Contest.ts"
import { fanout } from "./fanout.ts"
import { growth } from "./growth.ts"
import { inprocess } from "./inprocess.ts"
import { paint } from "./paint.ts"
import { pinSelf, profileInto } from "./Process.ts"
import { machine, markdown, type Part, partText, type Report } from "./Report.ts"
import { routing } from "./routing.ts"
import { start } from "./start.ts"
import { transcript } from "./transcript.ts"

const benches: Readonly<Record<string, (settings: Settings) => Promise<Part>>> = {
  routing,
  fanout,
  append,
  transcript,
  growth,
  inprocess,
  start,
  bundle,
  paint
}

const documentation = fileURLToPath(new URL("../docs/performance.md", import.meta.url))
const begin = "<!-- tables: npm run bench -- --docs -->"
const end = "<!-- end of tables -->"

/** Replaces what is between the two marks. */
const document = (report: Report): void => {
  const text = readFileSync(documentation, "utf8")
  const from = text.indexOf(begin)
  const to = text.indexOf(end)
  if (from < 0 || to < from) throw new Error("docs/performance.md has lost the marks around its tables")
  writeFileSync(documentation, `${text.slice(0, from + begin.length)}\n\n${markdown(report)}\n${text.slice(to)}`)
}

const usage = (sentence: string): never => {
  console.error(`${sentence} Benches: ${Object.keys(benches).join(", ")}.`)
  process.exit(2)
}

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: "string", default: "5" },
    turn: { type: "string", default: "600" },
    json: { type: "string" },
    docs: { type: "boolean", default: false },
    before: { type: "string" },
    profile: { type: "string" }
  }
})
const names = positionals.length === 0 ? Object.keys(benches) : positionals
const unknown = names.find((name) => !(name in benches))
if (unknown !== undefined) usage(`There is no bench "${unknown}".`)
const settings: Settings = { rounds: Number(values.rounds), turnMs: Number(values.turn), before: values.before }
if (!(settings.rounds >= 1 && settings.turnMs >= 100)) usage("Rounds are at least 1 and turns at least 100 ms.")

if (values.profile !== undefined) profileInto(values.profile)
pinSelf()
const started = performance.now()
const parts: Array<Part> = []
for (const name of names) {
  const part = await benches[name]!(settings)
  parts.push(part)
  console.log(partText(part))
}
const report: Report = {
  machine: machine(),
  seconds: (performance.now() - started) / 1_000,
  rounds: settings.rounds,
  parts
}
console.log(`${Math.round(report.seconds)} s`)
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(report, undefined, 2)}\n`)
if (values.docs) document(report)
process.exit(0)
