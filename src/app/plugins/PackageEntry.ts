/**
 * Which file a package gives to `import`. Node has no function for that which takes a folder to start from, and
 * `require.resolve` does not find packages that are for `import` only.
 */
import { readFileSync, statSync } from "node:fs"
import { findPackageJSON } from "node:module"
import { dirname, join, sep } from "node:path"
import { pathToFileURL } from "node:url"
import { Schema } from "effect"

const Manifest = Schema.fromJsonString(
  Schema.Struct({ exports: Schema.optionalKey(Schema.Json), main: Schema.optionalKey(Schema.String) })
)
const decode = Schema.decodeUnknownSync(Manifest)

/** What holds for an import by Node. */
const conditions: ReadonlySet<string> = new Set(["node", "import", "module-sync", "default"])

/** Levels of conditions in one entry of `exports`. */
const maxDepth = 8

const isFile = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isFile() === true

/** The first target whose conditions hold. */
const targetOf = (entry: Schema.Json | undefined, conditions: ReadonlySet<string>, depth = 0): string | undefined => {
  if (typeof entry === "string") return entry
  if (typeof entry !== "object" || entry === null || depth > maxDepth) return undefined
  if (Array.isArray(entry)) return targetOf(entry[0], conditions, depth + 1)
  for (const [condition, inner] of Object.entries(entry)) {
    const found = conditions.has(condition) ? targetOf(inner, conditions, depth + 1) : undefined
    if (found !== undefined) return found
  }
  return undefined
}

const isPaths = (exports: Schema.Json): exports is { readonly [path: string]: Schema.Json } =>
  typeof exports === "object" &&
  exports !== null &&
  !Array.isArray(exports) &&
  Object.keys(exports).every((key) => key.startsWith("."))

const exported = (exports: Schema.Json, path: string, holding: ReadonlySet<string>): string | undefined => {
  if (isPaths(exports)) return Object.hasOwn(exports, path) ? targetOf(exports[path], holding) : undefined
  return path === "." ? targetOf(exports, holding) : undefined
}

/**
 * The module in a package's own folder. Throws when there is none.
 *
 * @param rest path of the exports; empty for the package itself
 * @param holding further conditions, for instance `development`
 */
export const entryIn = (root: string, rest = "", holding: ReadonlyArray<string> = []): string => {
  const { exports, main = "index.js" } = decode(readFileSync(join(root, "package.json"), "utf8"))
  const candidates =
    exports === undefined
      ? rest === ""
        ? [main, `${main}.js`, join(main, "index.js")]
        : [rest]
      : [exported(exports, rest === "" ? "." : `./${rest}`, new Set([...conditions, ...holding]))]
  const found = candidates
    .filter((candidate) => candidate !== undefined)
    .map((candidate) => join(root, candidate))
    .find((file) => file.startsWith(root + sep) && isFile(file))
  if (found === undefined) throw new Error("no such entry")
  return found
}

/**
 * The module of a package as a file of the folder would import it. Throws when there is none.
 *
 * @param specifier the package's name, with a path of its exports where it has one
 */
export const entryOf = (folder: string, specifier: string): string => {
  const manifest = findPackageJSON(specifier, pathToFileURL(join(folder, "plugins.mjs")))
  if (manifest === undefined) throw new Error("no such package")
  const names = specifier.split("/")
  return entryIn(dirname(manifest), names.slice(specifier.startsWith("@") ? 2 : 1).join("/"))
}
