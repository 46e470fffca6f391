/** A plugin as the config file names it, before anything of it is looked at. */
import { Schema } from "effect"

/** Plugins of one backend, at most. */
export const maxPlugins = 32

/** Characters of a path in the file. */
const maxPathLength = 1_024

/**
 * Where a plugin runs: in the backend's own process, in a thread of it, or in a process of its own. Only the last keeps
 * its crash, its memory and its `process.exit` to itself for certain.
 */
export const Isolation = Schema.Literals(["none", "worker", "process"])
export type Isolation = typeof Isolation.Type

/** Name of an npm package, with a path of its exports where it has one. No segment is `.` or `..`. */
const PackageName = Schema.String.check(
  Schema.isMaxLength(214),
  Schema.isPattern(/^(@[a-z0-9][a-z0-9._-]*\/)?[a-z0-9][a-z0-9._-]*(\/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$/)
)

const FilePath = Schema.String.check(
  Schema.isMinLength(1),
  Schema.isMaxLength(maxPathLength),
  Schema.isPattern(/^[^\p{Cc}]+$/u)
)

const Members = Schema.Struct({
  /** Resolved from the config file's folder, as its neighbours would import it. Nothing is installed. */
  package: Schema.optionalKey(PackageName),
  /** A module's file, relative to the config file's folder. */
  path: Schema.optionalKey(FilePath),
  isolation: Schema.optionalKey(Isolation),
  /** What the plugin's definitions decode with their `settings`. */
  options: Schema.optionalKey(Schema.Record(Schema.String, Schema.Json))
})

/** Names of the members, for the file's reader. */
export const members: ReadonlySet<string> = new Set(Object.keys(Members.fields))

/** One of `package` and `path`. */
export const PluginEntry = Members.check(
  Schema.makeFilter((entry) => (entry.package === undefined) !== (entry.path === undefined))
)
export type PluginEntry = typeof PluginEntry.Type

/** A plugin of the file with the place in the list where it stands, from 1. */
export interface PlacedPlugin extends PluginEntry {
  readonly position: number
}

/** How a plugin is called before it has said its kinds: by its package, or by its place in the file. Never by a path. */
export const nameOf = ({ package: name, position }: PlacedPlugin): string =>
  name === undefined ? `Plugin ${position} of the config file` : `Plugin "${name}"`
