/**
 * Puts in place what a checkout lacks: the packages of package-lock.json and the built web page.
 * Plain JavaScript without dependencies: Node 20 runs it before anything is installed. Speaks on stderr only.
 */
import { spawnSync } from "node:child_process"
import { createHash } from "node:crypto"
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { basename, join } from "node:path"
import { exclusively } from "./exclusively.mjs"
import * as Program from "./program.mjs"
import { bringsNode, bundledNode, root, run, tooOld } from "./project-node.mjs"

/** @param {...string} path */
const at = (...path) => join(root, ...path)
/** @param {string} line */
const say = (line) => process.stderr.write(`${line}\n`)

/** Milliseconds between two progress lines of an install; a terminal rewrites one line instead. */
const progressEvery = process.stderr.isTTY ? 500 : 5000

/**
 * @typedef {{ version?: string, link?: boolean, optional?: boolean, devOptional?: boolean }} Locked
 * @param {string} path
 * @returns {ReadonlyArray<[string, Locked]>} each installed folder and what package-lock.json says of it
 */
const packagesOf = (path) => Object.entries(JSON.parse(readFileSync(path, "utf8")).packages)

/** The folders that an install must leave behind on every platform. */
const requiredPackages = () =>
  packagesOf(at("package-lock.json")).filter(
    ([folder, locked]) => folder.includes("node_modules/") && !locked.link && !locked.optional && !locked.devOptional
  )

/** npm records what it installed in a second lockfile; an interrupted or outdated install differs from the first. */
const isInstalled = () => {
  if (!existsSync(at("node_modules/.package-lock.json"))) return false
  const installed = new Map(packagesOf(at("node_modules/.package-lock.json")))
  return requiredPackages().every(
    ([folder, { version }]) => installed.get(folder)?.version === version && existsSync(at(folder))
  )
}

/**
 * The npm that runs this script, on the Node that runs it: never one that the install is about to replace.
 *
 * @param {ReadonlyArray<string>} args
 * @returns {Promise<number>} the exit code
 */
const npm = (args) => {
  const cli = process.env.npm_execpath
  const [command, first] =
    cli !== undefined && basename(cli).startsWith("npm")
      ? [process.env.npm_node_execpath ?? process.execPath, [cli]]
      : ["npm", []]
  return run(command, [...first, ...args], { cwd: root, stdio: ["ignore", 2, 2] })
}

const showProgress = () => {
  const folders = requiredPackages().map(([folder]) => at(folder, "package.json"))
  const started = process.hrtime.bigint()
  const timer = setInterval(() => {
    const seconds = Number((process.hrtime.bigint() - started) / 1_000_000_000n)
    const line = `  ${folders.filter((path) => existsSync(path)).length} of ${folders.length} packages, ${seconds} s`
    process.stderr.write(process.stderr.isTTY ? `\r${line}` : `${line}\n`)
  }, progressEvery)
  return () => {
    clearInterval(timer)
    if (process.stderr.isTTY) process.stderr.write("\r\u001b[K")
  }
}

/** A libc that the packaged Node was not built for: the machine's own Node runs the project instead. */
const dropUnusableNode = () => {
  const node = bundledNode()
  if (node === undefined || spawnSync(node, ["--version"]).status === 0) return
  rmSync(node)
  rmSync(at("node_modules/.bin/node"), { force: true })
}

const install = async () => {
  if (isInstalled()) return
  say("Installing packages from the npm registry (npm ci) ...")
  const stopProgress = showProgress()
  const code = await npm(["ci", "--include=dev", "--include=optional", "--loglevel=error", "--no-audit", "--no-fund"])
  stopProgress()
  if (code !== 0) throw new Error("npm ci failed: its message is above.")
  dropUnusableNode()
  say("Packages installed.")
}

const builtPage = at("svelte-ui/build/index.html")
const pageStamp = at("node_modules/.cache/svelte-ui.sha256")

/** A digest of everything the built page is made from. */
const pageSources = () => {
  const hash = createHash("sha256")
  /** @param {string} path */
  const add = (path) =>
    hash
      .update(path)
      .update("\0")
      .update(readFileSync(at(path)))
      .update("\0")
  /** @param {string} folder @param {boolean} deep */
  const addFolder = (folder, deep) => {
    if (!existsSync(at(folder))) return
    const entries = readdirSync(at(folder), { withFileTypes: true })
    for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
      const path = `${folder}/${entry.name}`
      if (entry.isDirectory() && deep) addFolder(path, deep)
      if (entry.isFile() && !entry.name.endsWith(".test.ts")) add(path)
    }
  }
  add("package-lock.json")
  addFolder("svelte-ui", false)
  addFolder("svelte-ui/src", true)
  addFolder("svelte-ui/static", true)
  addFolder("src/domain", true)
  return hash.digest("hex")
}

const isPageBuilt = () =>
  existsSync(builtPage) && existsSync(pageStamp) && readFileSync(pageStamp, "utf8") === pageSources()

const buildPage = async () => {
  if (isPageBuilt()) return
  const sources = pageSources()
  rmSync(pageStamp, { force: true })
  say("Building the web page ...")
  const code = await npm(["run", "--silent", "--workspace=svelte-ui", "build", "--", "--logLevel=warn"])
  if (code !== 0 || !existsSync(builtPage)) throw new Error("The web page could not be built: the message is above.")
  mkdirSync(at("node_modules/.cache"), { recursive: true })
  writeFileSync(pageStamp, sources)
  say("Web page built.")
}

/** A program that cannot be bundled runs from its sources, which costs a slower start and nothing else. */
const bundleProgram = async () => {
  try {
    await exclusively(at(".ensure.lock"), async () => {
      if (Program.isBundled()) return
      say("Bundling the program ...")
      if (!(await Program.bundle())) say("It was not bundled, and runs from its sources.")
    })
  } catch {
    say("It cannot be bundled here, and runs from its sources.")
  }
}

/**
 * Ends the process with a sentence when something is missing and cannot be put in place.
 *
 * @param {{ readonly page: boolean, readonly program?: boolean }} needs whether the built web page is needed too, and the
 *   bundle of the program as it is now
 */
export const ensure = async ({ page, program = false }) => {
  try {
    const refusal = bundledNode() === undefined && !bringsNode() ? tooOld() : undefined
    if (refusal !== undefined) throw new Error(refusal)
    if (!isInstalled() || (page && !isPageBuilt()))
      await exclusively(at(".ensure.lock"), async () => {
        await install()
        if (page) await buildPage()
      })
    const unusable = bundledNode() === undefined ? tooOld() : undefined
    if (unusable !== undefined) throw new Error(unusable)
    if (program && !Program.isBundled()) await bundleProgram()
  } catch (error) {
    say(error instanceof Error ? error.message : String(error))
    process.exit(1)
  }
}
