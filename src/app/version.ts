/** The version of this package, as everything that names one says it. */
import manifest from "../../package.json" with { type: "json" }

export const version: string = manifest.version
