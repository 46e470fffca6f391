/** `npm run api:write`: writes the documents of both APIs. With `--release` they become what the next change is held against. */
import { mkdirSync, writeFileSync } from "node:fs"
import { dirname } from "node:path"
import { generate, names, pathOf, releasedPathOf, textOf } from "./documents.ts"

for (const name of names) {
  const document = generate(name)
  writeFileSync(pathOf(name), textOf(document))
  if (!process.argv.includes("--release")) continue
  mkdirSync(dirname(releasedPathOf(name)), { recursive: true })
  writeFileSync(releasedPathOf(name), `${JSON.stringify(document)}\n`)
}
