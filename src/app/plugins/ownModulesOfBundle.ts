/** Takes the place of `ownModules.ts` in the bundle (`scripts/bundle.mjs`), in which most of `effect` is part of the program. */
import { existsSync, readFileSync } from "node:fs"
import { Schema } from "effect"
import manifest from "../../../package.json" with { type: "json" }

export const plugin = new URL("../../plugin/Plugin.js", import.meta.url).href

/** A file for each module of `effect` that the bundle has, at the place it has in the package `effect`. */
const copies = new URL("../../effect/", import.meta.url)

const Manifest = Schema.fromJsonString(Schema.Struct({ version: Schema.String }))

/** The folder of the installed package, which has the modules that the bundle does not. */
const installed = ((): string => {
  const folder = new URL(".", import.meta.resolve("effect")).href
  const { version } = Schema.decodeUnknownSync(Manifest)(readFileSync(new URL("../package.json", folder), "utf8"))
  if (version !== manifest.dependencies.effect) throw new Error("The installed effect is not the one of this program.")
  return folder
})()

/** The bundle's copy of a module of the installed package, where it has one. */
export const effect = (url: string): string => {
  if (!url.startsWith(installed)) return url
  const copy = new URL(url.slice(installed.length), copies)
  return existsSync(copy) ? copy.href : url
}
