/** `npm run pacts:write`: lets the real clients make the pact files anew. */
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"

// Read by pact's native core when it loads.
process.env["PACT_DO_NOT_TRACK"] = "true"
const { committed, filesIn, record } = await import("./Case.ts")
const { pacts } = await import("./allCases.ts")

await record(async (dir) => {
  for (const { cases } of pacts) for (const it of cases) await it.run(dir)
  mkdirSync(committed, { recursive: true })
  for (const [name, content] of Object.entries(filesIn(dir))) writeFileSync(join(committed, name), content)
})
