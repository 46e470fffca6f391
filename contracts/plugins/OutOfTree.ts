/** The product as its package ships it, installed in folders outside of the checkout, and programs that run there. */
import { spawn } from "node:child_process"
import { createHash } from "node:crypto"
import * as fs from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { Schema } from "effect"
import { afterAll } from "vitest"
import { exclusively } from "../../scripts/exclusively.mjs"

const checkout = fileURLToPath(new URL("../..", import.meta.url))
const cache = join(checkout, "node_modules/.cache/yoi-packed")

const Manifest = Schema.fromJsonString(
  Schema.Struct({ dependencies: Schema.optionalKey(Schema.Record(Schema.String, Schema.String)) })
)
const manifestOf = (folder: string) =>
  Schema.decodeSync(Manifest)(fs.readFileSync(join(folder, "package.json"), "utf8"))

export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

const running = new Set<() => void>()

// A test that fails half-way leaves nothing running.
afterAll(() => {
  for (const kill of running) kill()
})

/** A program in a folder. `first` resolves with its first line. */
export const launch = (
  cwd: string,
  command: string,
  args: ReadonlyArray<string>,
  env: Readonly<Record<string, string>> = {}
) => {
  const child = spawn(command, [...args], {
    cwd,
    stdio: ["ignore", "pipe", "pipe"],
    env: { PATH: `${dirname(process.execPath)}:${process.env["PATH"]}`, HOME: process.env["HOME"], ...env }
  })
  const kill = () => void child.kill("SIGKILL")
  running.add(kill)
  const written = { stdout: "", stderr: "" }
  child.stdout.setEncoding("utf8").on("data", (text: string) => (written.stdout += text))
  child.stderr.setEncoding("utf8").on("data", (text: string) => (written.stderr += text))
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once("error", reject)
    child.once("close", (code) => {
      running.delete(kill)
      resolve({ code, ...written })
    })
  })
  /** Resolves when the program has written the text. */
  const says = (stream: "stdout" | "stderr", wanted: RegExp) =>
    new Promise<string>((resolve, reject) => {
      const look = () => {
        const found = wanted.exec(written[stream])
        if (found !== null) resolve(found[0])
      }
      child[stream].on("data", look)
      look()
      ended.then(({ stderr }) => reject(new Error(`it ended before it said ${String(wanted)}: ${stderr}`)), reject)
    })
  const stop = () => {
    child.kill("SIGTERM")
    return ended
  }
  return { ended, kill, says, stop, written }
}

export const run = (cwd: string, command: string, args: ReadonlyArray<string>) => launch(cwd, command, args).ended

const must = async (cwd: string, command: string, args: ReadonlyArray<string>) => {
  const { code, stderr, stdout } = await run(cwd, command, args)
  if (code !== 0) throw new Error(`${command} ${args.join(" ")} ended with ${code}: ${stderr}${stdout}`)
  return stdout
}

/** Everything that the package is made from, the page excepted, which is built on its own. */
const digest = () => {
  const hash = createHash("sha256")
  for (const part of [
    "package.json",
    "package-lock.json",
    "tsconfig.build.json",
    "scripts/bundle.mjs",
    "bin",
    "src",
    "templates"
  ]) {
    const path = join(checkout, part)
    const files = fs.statSync(path).isDirectory()
      ? fs.readdirSync(path, { recursive: true, encoding: "utf8" }).map((it) => join(path, it))
      : [path]
    for (const file of files.toSorted()) {
      if (fs.statSync(file).isFile() && !file.endsWith(".test.ts")) hash.update(file).update(fs.readFileSync(file))
    }
  }
  return hash.digest("hex").slice(0, 16)
}

/** `npm pack`, once for the same sources, whichever test asks first. */
export const packed = async (): Promise<string> => {
  const folder = join(cache, digest())
  const tarball = () => (fs.existsSync(folder) ? fs.readdirSync(folder).find((it) => it.endsWith(".tgz")) : undefined)
  fs.mkdirSync(dirname(cache), { recursive: true })
  await exclusively(`${cache}.lock`, async () => {
    if (tarball() !== undefined) return
    fs.rmSync(cache, { recursive: true, force: true })
    fs.mkdirSync(folder, { recursive: true })
    await must(checkout, "npm", ["pack", "--silent", "--pack-destination", folder])
  })
  return join(folder, tarball() ?? "")
}

/** Unpacks a package as an install would, under its name. */
export const unpack = async (tarball: string, folder: string, name: string) => {
  const place = join(folder, "node_modules", name)
  fs.mkdirSync(place, { recursive: true })
  await must(folder, "tar", ["-xzf", tarball, "-C", place, "--strip-components=1", "--no-same-owner"])
  return place
}

/** Installs the product without a network: what it depends on is what the checkout has. */
export const install = async (folder: string, further: ReadonlyArray<string> = []) => {
  const place = await unpack(await packed(), folder, "yoi-workspace")
  const modules = join(folder, "node_modules")
  for (const name of [...Object.keys(manifestOf(place).dependencies ?? {}), ...further]) {
    fs.mkdirSync(dirname(join(modules, name)), { recursive: true })
    fs.symlinkSync(join(checkout, "node_modules", name), join(modules, name))
  }
  fs.mkdirSync(join(modules, ".bin"), { recursive: true })
  fs.symlinkSync("../yoi-workspace/bin/yoi-workspace.mjs", join(modules, ".bin/yoi-workspace"))
  if (further.includes("typescript")) fs.symlinkSync("../typescript/bin/tsc", join(modules, ".bin/tsc"))
  return join(place, "bin/yoi-workspace.mjs")
}

/** A folder outside of the checkout until all tests of the file are over. */
export const makeFolder = (): string => {
  const folder = fs.mkdtempSync(join(fs.realpathSync(tmpdir()), "yoi-out-of-tree-"))
  afterAll(() => fs.rmSync(folder, { recursive: true, force: true }))
  return folder
}
