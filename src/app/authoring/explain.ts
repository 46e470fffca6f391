/** A program that imports one module as a backend would, and says on standard error what was thrown: for its author only. */
import { pathToFileURL } from "node:url"
import * as SharedModules from "../plugins/SharedModules.ts"

SharedModules.share()

import(pathToFileURL(process.argv[2] ?? "").href).then(
  () => process.exit(0),
  (thrown: unknown) => {
    process.stderr.write(`${thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)}\n`)
    process.exit(1)
  }
)
