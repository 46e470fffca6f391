/** Starts the program as its users do, in a process of its own, and speaks to it with what Node has built in. */
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

const main = fileURLToPath(new URL("../../src/app/main.ts", import.meta.url))

export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

const launch = (args: ReadonlyArray<string>, env: Readonly<Record<string, string>>) => {
  const child = spawn(process.execPath, [main, ...args], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"]
  })
  const said = { stdout: "", stderr: "" }
  child.stdout.setEncoding("utf8").on("data", (text: string) => (said.stdout += text))
  child.stderr.setEncoding("utf8").on("data", (text: string) => (said.stderr += text))
  const ended = once(child, "close").then(([code]): Ended => ({ code: code as number | null, ...said }))
  return { child, said, ended }
}

/** Runs a command to its end. */
export const run = (args: ReadonlyArray<string>, env: Readonly<Record<string, string>> = {}): Promise<Ended> =>
  launch(args, env).ended

export interface Answer {
  readonly status: number
  readonly headers: Headers
  // eslint-disable-next-line typescript/no-explicit-any -- the point is to look at it without any type of ours
  readonly body: any
}

export interface RuntimeProcess {
  readonly url: string
  readonly child: ChildProcess
  readonly said: { readonly stdout: string; readonly stderr: string }
  readonly ended: Promise<Ended>
  readonly call: (
    method: string,
    path: string,
    body?: unknown,
    headers?: Readonly<Record<string, string>>
  ) => Promise<Answer>
  /** SIGTERM, and what came of it. */
  readonly stop: () => Promise<Ended>
}

/** Succeeds once the address has been printed. */
export const start = async (
  args: ReadonlyArray<string> = [],
  options: { readonly env?: Readonly<Record<string, string>>; readonly token?: string } = {}
): Promise<RuntimeProcess> => {
  const { child, ended, said } = launch(["runtime", "serve", "--bind", "127.0.0.1:0", ...args], options.env ?? {})
  const ready = new Promise<void>((resolve) => {
    child.stdout.on("data", () => {
      if (said.stdout.includes("\n")) resolve()
    })
  })
  await Promise.race([
    ready,
    ended.then(({ code, stderr }) => {
      throw new Error(`the runtime ended with ${code}: ${stderr}`)
    })
  ])
  const url = said.stdout.trim()
  const authorization = options.token === undefined ? undefined : { authorization: `Bearer ${options.token}` }
  return {
    url,
    child,
    said,
    ended,
    call: async (method, path, body, headers) => {
      const response = await fetch(url + path, {
        method,
        headers: {
          ...authorization,
          ...(body === undefined ? undefined : { "content-type": "application/json" }),
          ...headers
        },
        ...(body === undefined ? undefined : { body: typeof body === "string" ? body : JSON.stringify(body) })
      })
      const text = await response.text()
      const json = response.headers.get("content-type")?.startsWith("application/json") === true
      return { status: response.status, headers: response.headers, body: json ? JSON.parse(text) : text }
    },
    stop: () => {
      child.kill("SIGTERM")
      return ended
    }
  }
}

/** A folder that is gone when the test file ends. */
export const folder = () => {
  const path = mkdtempSync(join(tmpdir(), "runtime-process-"))
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) }
}

/** Asks until the answer satisfies, at most for five seconds. */
export const eventually = async <A>(ask: () => Promise<A>, satisfies: (answer: A) => boolean): Promise<A> => {
  const deadline = performance.now() + 5_000
  while (true) {
    const answer = await ask()
    if (satisfies(answer)) return answer
    if (performance.now() > deadline) throw new Error(`never came: ${JSON.stringify(answer).slice(0, 500)}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
