/** Loads the modules named on the command line and prints, as one JSON array, every module that was loaded for them. */
import { registerHooks } from "node:module"

/** @type {Set<string>} */
const loaded = new Set()

registerHooks({
  resolve(specifier, context, next) {
    const resolved = next(specifier, context)
    loaded.add(resolved.url)
    return resolved
  }
})

await Promise.all(process.argv.slice(2).map((entry) => import(entry)))
process.stdout.write(JSON.stringify([...loaded]))
