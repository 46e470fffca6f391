/** The programs under test as they are started by hand: the backend and worker-runtimes, each on a free port of loopback. */
import { type ChildProcess, spawn } from "node:child_process"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { type AddressInfo, connect, createServer, type Socket } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

const root = fileURLToPath(new URL("../..", import.meta.url))
const entry = join(root, "src/app/main.ts")
/** A cold start takes about a second; a loaded machine more. */
const startMs = 40_000
const stopMs = 10_000

export interface Program {
  readonly url: string
  readonly stop: () => Promise<void>
}

const started = (args: ReadonlyArray<string>, env: Readonly<Record<string, string>>) =>
  new Promise<Program>((resolve, reject) => {
    const child = spawn(process.execPath, [entry, ...args], {
      cwd: root,
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe"]
    })
    let out = ""
    let err = ""
    const timer = setTimeout(() => {
      child.kill("SIGKILL")
      reject(new Error(`not ready in time: ${err.slice(-2_000)}`))
    }, startMs)
    child.stderr.on("data", (data: Buffer) => (err += data.toString()))
    child.stdout.on("data", (data: Buffer) => {
      out += data.toString()
      const url = /^(http:\/\/\S+)\n/m.exec(out)?.[1]
      if (url === undefined) return
      clearTimeout(timer)
      resolve({ url, stop: () => stopped(child) })
    })
    child.once("exit", (code) => {
      clearTimeout(timer)
      reject(new Error(`ended with ${code}: ${err.slice(-2_000)}`))
    })
  })

const stopped = (child: ChildProcess) =>
  new Promise<void>((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve()
    const timer = setTimeout(() => child.kill("SIGKILL"), stopMs)
    child.once("exit", () => {
      clearTimeout(timer)
      resolve()
    })
    child.kill("SIGTERM")
  })

export interface Backend extends Program {
  /** The workspace folder. */
  readonly folder: string
  /** The config file, to change it behind the backend's back. */
  readonly configFile: string
  /** The same workspace served again, at another place, after the one before has ended. */
  readonly restart: () => Promise<Backend>
}

/**
 * @param config text of the config file; `%` is its folder
 * @param profiles text of the file of profiles
 */
export const startBackend = async (
  config = "",
  env: Readonly<Record<string, string>> = {},
  profiles = ""
): Promise<Backend> => {
  const folder = mkdtempSync(join(tmpdir(), "yoi-e2e-"))
  mkdirSync(join(folder, ".yoi"), { mode: 0o700 })
  const configFile = join(folder, ".yoi/workspace-backend.local.toml")
  if (config !== "") writeFileSync(configFile, config, { mode: 0o600 })
  if (profiles !== "") writeFileSync(join(folder, ".yoi/profiles.toml"), profiles, { mode: 0o600 })
  const serve = async (): Promise<Backend> => {
    const program = await started(["serve", "--workspace", folder, "--listen", "127.0.0.1:0"], env)
    return {
      ...program,
      folder,
      configFile,
      restart: async () => {
        await program.stop()
        return serve()
      },
      stop: async () => {
        await program.stop()
        rmSync(folder, { recursive: true, force: true })
      }
    }
  }
  return serve()
}

/** @param bind a free port unless a fixed one is needed to come back at the same place */
export const startRuntime = (name: string, bind = "127.0.0.1:0"): Promise<Program> =>
  started(["runtime", "serve", "--bind", bind, "--display-name", name], {})

export interface Wire {
  readonly port: number
  /** Ends every connection the hard way. */
  readonly cut: () => void
  /** Refuses new connections until it is told otherwise. */
  readonly hold: (held: boolean) => void
  readonly to: (url: string) => void
  readonly close: () => Promise<void>
}

/** The end of one is the end of the other. */
const tie = (near: Socket, far: Socket, sockets: Set<Socket>): void => {
  for (const [one, other] of [
    [near, far],
    [far, near]
  ] as const) {
    sockets.add(one)
    one.on("error", () => other.destroy())
    one.on("close", () => {
      sockets.delete(one)
      other.destroy()
    })
  }
}

/** A TCP connection between browser and backend that can be cut. */
export const startWire = () =>
  new Promise<Wire>((resolve) => {
    const sockets = new Set<Socket>()
    let target = 0
    let held = false
    const server = createServer((near) => {
      if (held) return void near.resetAndDestroy()
      const far = connect(target, "127.0.0.1")
      tie(near, far, sockets)
      near.pipe(far)
      far.pipe(near)
    })
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo
      resolve({
        port,
        cut: () => sockets.forEach((socket) => socket.resetAndDestroy()),
        hold: (value) => (held = value),
        to: (url) => (target = Number(new URL(url).port)),
        close: () =>
          new Promise<void>((done) => {
            server.close(() => done())
            sockets.forEach((socket) => socket.destroy())
          })
      })
    })
  })

export interface Gate {
  readonly url: string
  /** Lets the answers through, those that wait and those that follow. */
  readonly open: () => void
  readonly close: () => Promise<void>
}

/** A way to a program that takes connections and requests at once and keeps every answer back until it is opened. */
export const startGate = (url: string) =>
  new Promise<Gate>((resolve) => {
    const sockets = new Set<Socket>()
    const waiting: Array<() => void> = []
    let opened = false
    const server = createServer((near) => {
      const far = connect(Number(new URL(url).port), "127.0.0.1")
      tie(near, far, sockets)
      near.pipe(far)
      const answer = () => void far.pipe(near)
      if (opened) answer()
      else waiting.push(answer)
    })
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo
      resolve({
        url: `http://127.0.0.1:${port}`,
        open: () => {
          opened = true
          waiting.splice(0).forEach((answer) => answer())
        },
        close: () =>
          new Promise<void>((done) => {
            server.close(() => done())
            sockets.forEach((socket) => socket.destroy())
          })
      })
    })
  })
