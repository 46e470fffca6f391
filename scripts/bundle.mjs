/**
 * `node scripts/bundle.mjs DIR`: the program as a few large files instead of a thousand small ones, most of which are
 * Effect's; to read and compile modules one by one is what a start costs. DIR is a folder at the root of the checkout.
 *
 * Modules of `effect` are whole in it, and each has a file under `effect` that hands on its exports: plugins are given
 * these (`src/app/plugins/ownModulesOfBundle.ts`), so that there is one copy of whatever the program and a plugin share.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs"
import { builtinModules } from "node:module"
import { dirname, join, relative, resolve, sep } from "node:path"
import { fileURLToPath } from "node:url"
import { rolldown } from "rolldown"
import { root } from "./project-node.mjs"

/** @param {string} path from `src`, without its ending */
const source = (path) => join(root, "src", `${path}.ts`)

/** Programs are started by their own file, at the place where modules of the sources look for it. */
const programs = ["app/main", "app/authoring/explain", "app/plugins/isolatedHost"]

/** These are small, and share no file with the others. */
const smallPrograms = ["adapters/executors/WardenMain", "adapters/process-runtime/RuntimeGuard"]

/** What plugins import as `yoi-workspace/plugin`. */
const pluginEntry = { "plugin/Plugin": source("domain/plugin/Plugin") }

/** Whose start is told apart: what every command needs is in one file, what both servers add in another, and so on. */
const starts = { every: source("app/cli/Program"), runtime: source("app/cli/runtime"), serve: source("app/cli/serve") }

const effect = dirname(fileURLToPath(import.meta.resolve("effect"))) + sep
const builtins = new Set(builtinModules.flatMap((it) => (it.startsWith("node:") ? [it] : [it, `node:${it}`])))
const builtinMark = "\0builtin:"

/**
 * `import` of a built-in module reads every export of it, and some are modules of their own: `node:http` brings all of
 * `fetch` with it. What `getBuiltinModule` gives is read member by member.
 *
 * @param {string} name
 */
const builtinSource = (name) => {
  const members = Object.keys(process.getBuiltinModule(name) ?? {}).filter(
    (it) => it !== "default" && /^[A-Za-z_$][\w$]*$/.test(it)
  )
  return [
    `const it = process.getBuiltinModule(${JSON.stringify(name)})`,
    "export { it as default }",
    ...members.map((it, at) => `const _${at} = /* @__PURE__ */ (() => it.${it})()\nexport { _${at} as ${it} }`)
  ].join("\n")
}

/** @param {string} text @param {string} file of the bundle */
const placed = (text, file) =>
  text.replaceAll(/__place\("([^"]+)"\)/g, (_, path) => {
    const way = relative(dirname(file), path)
    return `new URL(${JSON.stringify(way.startsWith(".") ? way : `./${way}`)}, import.meta.url).href`
  })

/** One character beyond Latin-1 doubles what a file takes in memory. @param {string} text */
const ascii = (text) => text.replaceAll(/[^\0-\x7F]/g, (it) => `\\u${it.charCodeAt(0).toString(16).padStart(4, "0")}`)

/** @type {import("rolldown").Plugin} */
const asInSources = {
  name: "as in the sources",
  resolveId(specifier, importer, { kind }) {
    if (specifier === "./ownModules.ts") return source("app/plugins/ownModulesOfBundle")
    return builtins.has(specifier) && kind !== "require-call" && importer?.startsWith("\0") === false
      ? `${builtinMark}${specifier.startsWith("node:") ? specifier : `node:${specifier}`}`
      : undefined
  },
  load(id) {
    return id.startsWith(builtinMark) ? builtinSource(id.slice(builtinMark.length)) : undefined
  },
  /** Whichever file a module is in, to itself it lies where the compiler alone would have put it. */
  transform(code, id) {
    if (!id.startsWith(join(root, "src") + sep) || !code.includes("import.meta.url")) return undefined
    const path = relative(join(root, "src"), id).replaceAll(sep, "/").replace(/\.ts$/, ".js")
    return { code: code.replaceAll("import.meta.url", `__place(${JSON.stringify(path)})`) }
  },
  renderChunk: (code, { fileName }) => ({ code: ascii(placed(code, fileName)) })
}

/** @param {Record<string, string>} input */
const build = (input) =>
  rolldown({
    input,
    cwd: root,
    platform: "node",
    plugins: [asInSources],
    preserveEntrySignatures: "allow-extension",
    onLog: (level, log) => {
      if (level === "warn" && log.code !== "EVAL") process.stderr.write(`${log.message}\n`)
    }
  })

/**
 * Modules of `effect` that some files of the bundle use at once, with all that they import, and built-in ones.
 *
 * @param {ReadonlyMap<string, import("rolldown").OutputChunk>} chunks
 * @param {ReadonlyArray<string>} files
 */
const sharedOf = (chunks, files) => {
  const read = new Set()
  /** @type {Set<string>} */
  const found = new Set()
  /** @param {string} file */
  const follow = (file) => {
    const chunk = chunks.get(file)
    if (chunk === undefined || read.has(file)) return
    read.add(file)
    chunk.imports.forEach(follow)
    for (const [id, { renderedLength }] of Object.entries(chunk.modules)) if (renderedLength > 0) add(id)
  }
  /** @param {string} id */
  const add = (id) => {
    if (id.startsWith(builtinMark)) found.add(id)
    if (!id.startsWith(effect) || found.has(id)) return
    found.add(id)
    const imports = readFileSync(id, "utf8").matchAll(/^(?:import|export)\b[^;'"]*["'](\.[^"']+)["']/gm)
    for (const [, path = ""] of imports) add(join(dirname(id), path))
  }
  files.forEach(follow)
  return found
}

/** @param {ReadonlyArray<string>} ids of modules @returns what the licences of their packages say */
const licences = (ids) => {
  const packages = new Map()
  for (const id of ids) {
    const found = /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(id)?.[0]
    if (found !== undefined) packages.set(found, JSON.parse(readFileSync(join(found, "package.json"), "utf8")))
  }
  return [...packages]
    .map(([folder, { license, name, version }]) => {
      const files = readdirSync(folder).filter((it) => /^(licen[cs]e|notice)/i.test(it))
      const texts = files.map((it) => readFileSync(join(folder, it), "utf8").trim())
      return [`${name} ${version} (${license})`, ...texts].join("\n\n")
    })
    .toSorted()
    .join(`\n\n${"-".repeat(80)}\n\n`)
}

/** @param {string} dir */
const options = (dir) => ({
  dir,
  format: /** @type {const} */ ("esm"),
  comments: false,
  entryFileNames: "[name].js",
  chunkFileNames: "chunks/[name].js"
})

/** @param {ReadonlyArray<string>} paths @returns {Record<string, string>} */
const inputs = (paths) => Object.fromEntries(paths.map((it) => [it, source(it)]))

/** @param {string} dir folder that gets the files; others in it stay */
const bundle = async (dir) => {
  const entries = { ...inputs(programs), ...pluginEntry }
  // First only to see what is used: which modules of `effect` there are, and who needs which.
  const trial = await (await build({ ...entries, ...starts })).generate({ format: "esm" })
  const chunks = new Map(trial.output.filter((it) => it.type === "chunk").map((it) => [it.fileName, it]))
  const every = sharedOf(chunks, ["every.js"])
  const runtime = sharedOf(chunks, ["every.js", "runtime.js"])
  const serve = sharedOf(chunks, ["every.js", "serve.js"])
  const own = [...sharedOf(chunks, [...chunks.keys()])].filter((id) => id.startsWith(effect))
  const copies = Object.fromEntries(own.map((id) => [`effect/${id.slice(effect.length, -".js".length)}`, id]))
  /** @param {string} id */
  const fileOf = (id) => {
    if (every.has(id)) return "core"
    if (serve.has(id)) return runtime.has(id) ? "servers" : "backend"
    return id.startsWith(effect) ? "rest" : null
  }
  const { output } = await (
    await build({ ...entries, ...copies })
  ).write({
    ...options(dir),
    // Each of these files has all that its modules import, in itself or in the one before.
    codeSplitting: { includeDependenciesRecursively: false, groups: [{ name: fileOf, debugName: "shared" }] }
  })
  for (const program of smallPrograms) {
    await (await build(inputs([program]))).write({ ...options(dir), codeSplitting: false })
  }
  const modules = output.flatMap((it) => (it.type === "chunk" ? it.moduleIds : []))
  writeFileSync(join(dir, "THIRD-PARTY-LICENSES.txt"), `${licences(modules)}\n`)
}

await bundle(resolve(process.argv[2] ?? "dist"))
