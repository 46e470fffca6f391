/** `npm run crash -- --rounds N`: kills a runtime under load N times and prints what that cost. Exit 1 when anything. */
import { parseArgs } from "node:util"
import { run } from "./rounds.ts"

const { values } = parseArgs({
  options: { rounds: { type: "string", default: "100" }, workers: { type: "string", default: "8" } }
})

const outcome = await run({
  rounds: Number(values.rounds),
  workers: Number(values.workers),
  onRound: (round, acknowledged) => {
    if (round % 10 === 0) console.error(`${round} rounds, ${acknowledged} inputs acknowledged`)
  }
})
for (const sentence of outcome.wrong.slice(0, 20)) console.error(sentence)
const { rounds, acknowledged, waited, resolved, lost, duplicated, wrong } = outcome
console.log(
  `${rounds} rounds, ${acknowledged} acknowledged (${waited} had to wait), ${lost} lost, ${duplicated} duplicated, ${wrong.length} otherwise wrong, ${resolved} cut off and resolved by their key`
)
process.exitCode = lost + duplicated + wrong.length === 0 ? 0 : 1
