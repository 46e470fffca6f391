/** Lint rule: who may import whom. The rooms below are the table in ARCHITECTURE.md; the first that matches a file decides. */
import { dirname, relative, resolve } from "node:path"
import { fileURLToPath } from "node:url"

const root = resolve(dirname(fileURLToPath(import.meta.url)), "../..")

/**
 * `may` tells, for a file of the room, whether an import is allowed. `target` is the imported file relative to the
 * root with forward slashes, or the bare specifier of a package; `own` is the file's own folder under the room.
 *
 * @type {ReadonlyArray<{ name: string, files: RegExp, may: (target: string, own: string) => boolean, says: string }>}
 */
const rooms = [
  {
    name: "domain test",
    files: /^src\/domain\/.*\.test\.ts$/,
    may: (target) => isPackage(target) || under(target, "src/domain"),
    says: "packages and src/domain"
  },
  {
    name: "domain",
    files: /^src\/domain\//,
    may: (target) => /^effect(\/|$)/.test(target) || under(target, "src/domain"),
    says: "effect and src/domain, nothing else"
  },
  {
    name: "adapter test",
    files: /^src\/adapters\/.*\.test\.ts$/,
    may: (target) => isPackage(target) || under(target, "src/domain") || under(target, "src/adapters"),
    says: "packages, src/domain and src/adapters"
  },
  {
    name: "adapter",
    files: /^src\/adapters\/([^/]+)\//,
    may: (target, own) =>
      isLibrary(target) ||
      under(target, "src/domain") ||
      under(target, `src/adapters/${own}`) ||
      under(target, "src/adapters/egress"),
    says: "its library, src/domain, its own folder and src/adapters/egress"
  },
  {
    name: "plugin",
    files: /^src\/plugins\/([^/]+)\//,
    may: (target, own) =>
      isPackage(target) ||
      under(target, "src/domain") ||
      under(target, "src/adapters") ||
      under(target, `src/plugins/${own}`),
    says: "packages, src/domain, src/adapters and its own folder"
  },
  {
    name: "plugin list",
    files: /^src\/plugins\/[^/]+$/,
    may: (target) => isPackage(target) || /^src\/(domain|adapters|plugins)\//.test(target),
    says: "packages, src/domain, src/adapters and src/plugins"
  },
  {
    name: "app",
    files: /^src\//,
    may: (target) => isPackage(target) || under(target, "src"),
    says: "packages and src"
  },
  {
    name: "svelte-ui door",
    files: /^svelte-ui\/src\/lib\/api(\/|\.)/,
    may: (target) => isPackage(target) || under(target, "svelte-ui/src") || under(target, "src/domain"),
    says: "packages, svelte-ui/src and src/domain"
  },
  {
    name: "svelte-ui test",
    files: /^svelte-ui\/src\/.*\.test\.ts$/,
    may: (target) => isPackage(target) || under(target, "svelte-ui/src"),
    says: "packages and svelte-ui/src"
  },
  {
    name: "svelte-ui",
    files: /^svelte-ui\/src\//,
    may: (target) => isLibrary(target) || under(target, "svelte-ui/src"),
    says: "packages and svelte-ui/src; only svelte-ui/src/lib/api may reach src/domain"
  }
]

/** @param {string} target @param {string} folder */
const under = (target, folder) => target.startsWith(`${folder}/`)

/** @param {string} target */
const isPackage = (target) => !/^(src|contracts|scripts|bench|svelte-ui|\.\.)\//.test(target)

/** A package that is not for tests only. @param {string} target */
const isLibrary = (target) => isPackage(target) && !/^(vitest|@effect\/vitest|playwright)(\/|$)/.test(target)

/** @param {string} file @param {string} specifier */
const targetOf = (file, specifier) =>
  specifier.startsWith(".")
    ? relative(root, resolve(dirname(file), specifier)).replaceAll("\\", "/")
    : specifier.startsWith("#lib/")
      ? specifier.replace("#lib/", "svelte-ui/src/lib/")
      : specifier

/** @param {any} context */
const create = (context) => {
  const path = relative(root, context.filename).replaceAll("\\", "/")
  const room = rooms.find(({ files }) => files.test(path))
  if (room === undefined) return {}
  const own = room.files.exec(path)?.[1] ?? ""
  /** @param {any} source */
  const check = (source) => {
    if (typeof source?.value !== "string") return
    const target = targetOf(context.filename, source.value)
    if (room.may(target, own)) return
    context.report({ node: source, message: `${room.name} may not import ${target}: it may import ${room.says}` })
  }
  /** @param {any} node */
  const checkNode = (node) => check(node.source)
  return {
    ImportDeclaration: checkNode,
    ExportNamedDeclaration: checkNode,
    ExportAllDeclaration: checkNode,
    ImportExpression: checkNode,
    /** @param {any} node */
    TSImportType: (node) => check(node.source ?? node.argument?.literal ?? node.argument)
  }
}

export default { meta: { name: "house" }, rules: { "import-table": { create } } }
