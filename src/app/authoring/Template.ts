/** The package that `plugin new` writes: the files of `templates/plugin` with the kind's name in them. */
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises"
import { basename, dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { Data, Effect } from "effect"

/** Beside `src` in a checkout and beside `dist` in the package. */
const folder = fileURLToPath(new URL("../../../templates/plugin", import.meta.url))

export class NotWritten extends Data.TaggedError("NotWritten")<{ readonly reason: "not_empty" | "not_writable" }> {}

/** Packing leaves out files with the real name. */
const realName = (name: string): string => (name === "gitignore" ? ".gitignore" : name)

/** `my.kind` becomes `My kind`. */
const labelOf = (kind: string): string => {
  const words = kind.replaceAll(/[_.-]+/g, " ").trim()
  return words.charAt(0).toUpperCase() + words.slice(1)
}

/** What a package of the kind is called; npm knows lower case only. */
export const packageOf = (kind: string): string => `yoi-plugin-${kind.toLowerCase()}`

/** Each text of the templates that stands for the kind's name. */
const named = (kind: string) => {
  const variable = kind.toUpperCase().replaceAll(/[^A-Z0-9]/g, "_")
  return (text: string): string =>
    text
      .replaceAll("yoi-plugin-acme", packageOf(kind))
      .replaceAll("ACME", variable)
      .replaceAll("Acme", labelOf(kind))
      .replaceAll("acme", kind)
}

const isEmpty = async (dir: string): Promise<boolean> => {
  try {
    return (await readdir(dir)).length === 0
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return true
    throw error
  }
}

/**
 * Writes the package into a folder that is empty or not there.
 *
 * @returns the files, relative to the folder
 */
export const write = Effect.fn("Template.write")(function* (kind: string, dir: string) {
  const empty = yield* Effect.tryPromise({
    try: () => isEmpty(dir),
    catch: () => new NotWritten({ reason: "not_writable" })
  })
  if (!empty) return yield* new NotWritten({ reason: "not_empty" })
  const rename = named(kind)
  return yield* Effect.tryPromise({
    try: async () => {
      const entries = await readdir(folder, { recursive: true, withFileTypes: true })
      const files = entries.filter((it) => it.isFile()).map((it) => join(it.parentPath, it.name))
      const written = await Promise.all(
        files.map(async (file) => {
          const inside = file.slice(folder.length + 1)
          const path = join(dirname(inside), rename(realName(basename(inside))))
          await mkdir(join(dir, dirname(path)), { recursive: true })
          await writeFile(join(dir, path), rename(await readFile(file, "utf8")), { flag: "wx" })
          return path
        })
      )
      return written.toSorted()
    },
    catch: () => new NotWritten({ reason: "not_writable" })
  })
})
