/** Which Node runs the project, and how a script hands over to it. Plain JavaScript that Node 20 can run. */
import { spawn } from "node:child_process"
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

export const root = fileURLToPath(new URL("..", import.meta.url))

/** The first release that runs TypeScript sources without a flag and has every API used here. */
const minimum = { major: 22, minor: 19 }

const packageName = `node-${process.platform}-${process.arch}`
const bundled = join(root, "node_modules", packageName, "bin/node")

/** Whether `npm ci` brings a Node for this platform. */
export const bringsNode = () => {
  const { optionalDependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"))
  return packageName in optionalDependencies
}

/** The Node that `npm ci` installed here, if it did. */
export const bundledNode = () => (existsSync(bundled) ? bundled : undefined)

/** Why the Node running this script cannot run the project; undefined if it can. */
export const tooOld = () => {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number)
  if (major > minimum.major || (major === minimum.major && minor >= minimum.minor)) return undefined
  return (
    `This is Node ${process.versions.node}, and yoi-workspace needs ${minimum.major}.${minimum.minor} or newer on ` +
    `${process.platform} ${process.arch}. Install a newer Node from https://nodejs.org and run the command again.`
  )
}

/**
 * Runs a program and ends as it ended: same exit code, same signal.
 * SIGINT, SIGTERM and SIGHUP sent to this process reach it, and this process waits until it is done.
 *
 * @param {string} command
 * @param {ReadonlyArray<string>} args
 * @param {import("node:child_process").SpawnOptions} options
 * @returns {Promise<number>} the exit code
 */
export const run = (command, args, options) => {
  const child = spawn(command, [...args], options)
  // A terminal sends Ctrl-C to this process and to the child alike; passing it on would make it two.
  /** @param {NodeJS.Signals} signal */
  const forward = (signal) => (signal === "SIGINT" && process.stdin.isTTY ? undefined : child.kill(signal))
  /** @type {ReadonlyArray<NodeJS.Signals>} */
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"]
  for (const signal of signals) process.on(signal, forward)
  return new Promise((resolve, reject) => {
    child.once("error", reject)
    child.once("close", (code, signal) => {
      for (const each of signals) process.off(each, forward)
      if (signal === null) return resolve(code ?? 1)
      process.kill(process.pid, signal)
    })
  })
}

/**
 * Runs the project's Node with `args`.
 *
 * @param {ReadonlyArray<string>} args
 * @param {import("node:child_process").SpawnOptions} [options]
 */
export const runNode = (args, options) => run(bundledNode() ?? process.execPath, args, { stdio: "inherit", ...options })
