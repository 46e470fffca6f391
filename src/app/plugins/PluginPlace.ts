/** Which file a plugin of the config file is. Nothing is downloaded or installed; what others could change is refused. */
import { realpath, stat } from "node:fs/promises"
import { dirname, isAbsolute, resolve } from "node:path"
import { Context, Effect } from "effect"
import type { PluginEntry } from "../../domain/plugin/PluginEntry.ts"
import * as PackageEntry from "./PackageEntry.ts"
import { NotLoaded } from "./PluginFile.ts"

/** Folder of the config file, where plugins are looked for; undefined = there is no file, and no plugin. */
export const ConfigFolder = Context.Reference<string | undefined>("yoi-workspace/app/plugins/ConfigFolder", {
  defaultValue: () => undefined
})

/** Write permission of group and others. */
const othersWrite = 0o022

/** In a folder with this bit nobody replaces the files of others. */
const sticky = 0o1000

const notThere = new NotLoaded({
  reason: "not_found",
  sentence: "It is not there. Install it beside the config file, or correct its path."
})

const resolved = (folder: string, { package: name, path }: PluginEntry): string => {
  if (path !== undefined) return isAbsolute(path) ? path : resolve(folder, path)
  return PackageEntry.entryOf(folder, name ?? "")
}

/** The plugin's file with links followed. Fails with `not_found`, `not_a_file` or `writable_by_others`. */
export const find = Effect.fnUntraced(function* (folder: string, entry: PluginEntry) {
  const { around, file, found } = yield* Effect.tryPromise({
    try: async () => {
      const file = await realpath(resolved(folder, entry))
      return { file, found: await stat(file), around: await stat(dirname(file)) }
    },
    catch: () => notThere
  })
  if (!found.isFile()) {
    return yield* new NotLoaded({ reason: "not_a_file", sentence: "What its path leads to is not a regular file." })
  }
  if ((found.mode & othersWrite) !== 0 || ((around.mode & othersWrite) !== 0 && (around.mode & sticky) === 0)) {
    return yield* new NotLoaded({
      reason: "writable_by_others",
      sentence: "Others may change its file or its folder; take their write access away (chmod go-w)."
    })
  }
  return file
})
