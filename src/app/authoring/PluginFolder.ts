/** Where an author's plugin is: a module, or the folder of a package, whose sources are taken where it names them. */
import { existsSync, readFileSync, realpathSync, statSync } from "node:fs"
import { dirname, join, resolve } from "node:path"
import { Data, Effect, Schema } from "effect"
import * as PackageEntry from "../plugins/PackageEntry.ts"

/** The condition of `exports` under which a package names its sources. */
const sources = "development"

const Manifest = Schema.fromJsonString(
  Schema.Struct({
    name: Schema.optionalKey(Schema.String),
    "yoi-workspace": Schema.optionalKey(Schema.Struct({ stage: Schema.optionalKey(Schema.String) }))
  })
)
const decode = Schema.decodeUnknownSync(Manifest)

export interface PluginFolder {
  /** Folder of the package, or of the module. */
  readonly folder: string
  /** The module, with links followed. */
  readonly file: string
  /** For a person: the package's name or the module's path as it was given. */
  readonly name: string
  /** The module that starts what the plugin is tried on; undefined when the package names none. */
  readonly stage: string | undefined
}

/** The sentence is for a person at a terminal. */
export class NoPlugin extends Data.TaggedError("NoPlugin")<{ readonly sentence: string }> {
  override get message(): string {
    return this.sentence
  }
}

const ofFolder = (given: string, folder: string): PluginFolder => {
  const manifest = decode(readFileSync(join(folder, "package.json"), "utf8"))
  const stage = manifest["yoi-workspace"]?.stage
  return {
    folder,
    file: realpathSync(PackageEntry.entryIn(folder, "", [sources])),
    name: manifest.name ?? given,
    stage: stage === undefined ? undefined : join(folder, stage)
  }
}

/** @param given folder of a package, or file of a module */
export const find = Effect.fn("PluginFolder.find")(function* (given: string) {
  const path = resolve(given)
  if (!existsSync(path)) return yield* new NoPlugin({ sentence: `There is no ${given}.` })
  return yield* Effect.try({
    try: (): PluginFolder =>
      statSync(path).isDirectory()
        ? ofFolder(given, realpathSync(path))
        : { folder: dirname(path), file: realpathSync(path), name: given, stage: undefined },
    catch: () =>
      new NoPlugin({
        sentence: `${given} is neither a module nor a package with a module: its package.json names none under exports or main, or what it names is not there.`
      })
  })
})
