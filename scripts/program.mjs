/**
 * The program of a checkout as `npm start` runs it: bundled where a bundle was built of just these sources, which takes half
 * the time and two thirds of the memory, and the sources themselves otherwise. A bundle lies in a folder that is named after
 * what it is made of, so there is none that is out of date, and none that changes while it runs.
 */
import { createHash } from "node:crypto"
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from "node:fs"
import { join } from "node:path"
import { root, runNode } from "./project-node.mjs"

const prefix = ".program-"

/** Bundles that are kept when another one is built: one of them may be running. */
const kept = 2

const folders = () => readdirSync(root).filter((it) => it.startsWith(prefix))

/** One that is being built has a longer name. @param {string} name */
const isWhole = (name) => /^\.program-[0-9a-f]{16}$/.test(name)

/** The folder of a bundle of the sources as they are now. */
const current = () => {
  const hash = createHash("sha256")
  /** @param {string} path */
  const add = (path) =>
    hash
      .update(path)
      .update("\0")
      .update(readFileSync(join(root, path)))
      .update("\0")
  for (const path of ["package.json", "package-lock.json", "scripts/bundle.mjs"]) add(path)
  const files = readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" })
  for (const path of files.toSorted()) if (path.endsWith(".ts") && !path.endsWith(".test.ts")) add(join("src", path))
  return join(root, `${prefix}${hash.digest("hex").slice(0, 16)}`)
}

/** @param {string} folder */
const mainIn = (folder) => join(folder, "app/main.js")

/** Whether there is a bundle, of whatever sources. */
export const wasBundled = () => folders().some(isWhole)

/** Whether there is one of the sources as they are now. */
export const isBundled = () => existsSync(mainIn(current()))

/** The module that is to be run. */
export const main = () => (isBundled() ? mainIn(current()) : join(root, "src/app/main.ts"))

/** One at a time. @returns {Promise<boolean>} whether it could be built */
export const bundle = async () => {
  const folder = current()
  const unfinished = `${folder}.${process.pid}`
  const code = await runNode([join(root, "scripts/bundle.mjs"), unfinished], { stdio: ["ignore", 2, 2] })
  if (code !== 0) {
    rmSync(unfinished, { recursive: true, force: true })
    return false
  }
  // It appears whole.
  renameSync(unfinished, folder)
  const others = folders().filter((it) => join(root, it) !== folder)
  const age = (/** @type {string} */ it) => statSync(join(root, it)).mtimeMs
  const before = others.filter(isWhole).toSorted((a, b) => age(b) - age(a))
  for (const it of others) {
    if (!before.slice(0, kept - 1).includes(it)) rmSync(join(root, it), { recursive: true, force: true })
  }
  return true
}
