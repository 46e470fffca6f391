/** A backend whose plugin runs in a process: the plugin's end is nobody else's, and the backend's end is the plugin's. */
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { loopCrashes } from "../../src/app/plugins/isolatedBounds.ts"
import * as BackendProcess from "../backend/BackendProcess.ts"
import { fixture } from "./IsolationWorld.ts"

const canary = "isolation-canary-2b77e1"

/** Processes by what their command line holds. */
const processes = (...words: ReadonlyArray<string>): ReadonlyArray<number> =>
  readdirSync("/proc").flatMap((pid) => {
    if (!/^[0-9]+$/.test(pid)) return []
    try {
      const line = readFileSync(`/proc/${pid}/cmdline`, "utf8")
      return words.every((word) => line.includes(word)) ? [Number(pid)] : []
    } catch {
      return []
    }
  })

const parentOf = (pid: number): number | undefined => {
  try {
    return Number(/^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1])
  } catch {
    return undefined
  }
}

const hostsOf = (backend: number): ReadonlyArray<number> =>
  processes("isolatedHost").filter((pid) => parentOf(pid) === backend)

const until = async (condition: () => boolean | Promise<boolean>) => {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 10))
}

const isThere = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"))
  } catch {
    return false
  }
}

const configOf = (root: string) => `
[[plugins]]
path = ${JSON.stringify(fixture)}
isolation = "process"

[[runtimes.source]]
id = "iso"
kind = "durable"
token_ref = "env:ISOLATION_TOKEN"
options = { root = ${JSON.stringify(root)} }
`

describe.skipIf(process.platform !== "linux")("a backend with a plugin in a process of its own", () => {
  let backend: BackendProcess.Backend
  let folder: string
  const started = () =>
    BackendProcess.start({ folder, config: configOf(join(folder, "durable")), env: { ISOLATION_TOKEN: canary } })
  beforeAll(async () => {
    folder = BackendProcess.makeFolder()
    backend = await started()
  })
  afterAll(() => BackendProcess.removeFolder(folder))

  const ask = async (path: string, body?: object) => {
    const response = await fetch(`${backend.url}${path}`, {
      ...(body === undefined
        ? undefined
        : { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) })
    })
    return { status: response.status, answer: (await response.json()) as Readonly<Record<string, unknown>> }
  }
  /** Once its host is there again. */
  const create = async (runtime: string) => {
    let worker = ""
    await until(async () => {
      const { answer } = await ask(`/api/runtimes/${runtime}/workers`, {})
      worker = (answer["worker"] as { readonly worker_id: string } | undefined)?.worker_id ?? ""
      return worker !== ""
    })
    return worker
  }
  const hostOf = async () => {
    await until(() => hostsOf(backend.pid).length === 1)
    return hostsOf(backend.pid)[0]!
  }

  it("is killed in the middle of a watched turn: typed failures there, nothing elsewhere, and the stream goes on", async () => {
    const worker = await create("iso")
    const other = await create("backend-internal")
    const stop = new AbortController()
    const seen: Array<number> = []
    const kinds: Array<string> = []
    const response = await fetch(`${backend.url}/api/runtimes/iso/workers/${worker}/events`, { signal: stop.signal })
    const reading = (async () => {
      let rest = ""
      const decoder = new TextDecoder()
      for await (const bytes of response.body!) {
        const parts = (rest + decoder.decode(bytes, { stream: true })).split("\n\n")
        rest = parts.pop() ?? ""
        for (const part of parts) {
          const id = /^id: .*\.(\d+)$/m.exec(part)?.[1]
          kinds.push(/"event":"(\w+)"/.exec(part)?.[1] ?? "")
          if (id !== undefined && seen.at(-1) !== Number(id)) seen.push(Number(id))
        }
      }
    })().catch(() => undefined)

    await ask(`/api/runtimes/iso/workers/${worker}/input`, { content: "/wait 60000 never said" })
    await until(() => kinds.includes("status"))
    const host = await hostOf()
    process.kill(host, "SIGKILL")
    const lost = await ask(`/api/runtimes/iso/workers/${worker}/input`, { content: "meanwhile" })
    assert.strictEqual(lost.answer["code"], "runtime_unreachable")
    const elsewhere = await ask(`/api/runtimes/backend-internal/workers/${other}/input`, { content: "hello" })
    assert.strictEqual(elsewhere.status, 200)
    let status = 0
    await until(async () => {
      const { status: now } = await ask(`/api/runtimes/iso/workers/${worker}/input`, { content: "after the end" })
      status = now
      return now === 200
    })
    assert.strictEqual(status, 200)
    await until(() => kinds.filter((kind) => kind === "run_end").length > 0)
    await until(() => kinds.at(-1) === "status")
    assert.notInclude(kinds, "resync")
    // From the first on, every number once.
    assert.deepStrictEqual(
      seen,
      Array.from(seen, (_, at) => (seen[0] ?? 0) + at)
    )
    stop.abort()
    await reading
    assert.notStrictEqual(await hostOf(), host)
  })

  it("keeps secrets out of every command line and environment but its own", async () => {
    const worker = await create("iso")
    const { status } = await ask(`/api/runtimes/iso/workers/${worker}/input`, { content: "/token" })
    assert.strictEqual(status, 200)
    const host = await hostOf()
    for (const file of ["cmdline", "environ"]) {
      assert.notInclude(readFileSync(`/proc/${host}/${file}`, "utf8"), canary)
    }
    assert.notInclude(backend.written.stderr, canary)
  })

  it("tells that its plugin is lost again and again, where connections are looked after", async () => {
    const codes = async () => {
      const { answer } = await ask("/api/settings/runtime-connections")
      return (answer["diagnostics"] as ReadonlyArray<{ readonly code: string }>).map(({ code }) => code)
    }
    for (let crash = 1; crash < loopCrashes; crash++) {
      const host = await hostOf()
      process.kill(host, "SIGKILL")
      await until(() => !isThere(host))
    }
    await hostOf()
    await until(async () => (await codes()).includes("plugin_crash_loop"))
  })

  it("leaves no process behind when it is killed, not even one whose plugin lets nothing else happen", async () => {
    const worker = await create("iso")
    const host = await hostOf()
    void ask(`/api/runtimes/iso/workers/${worker}/input`, { content: "/spin" }).catch(() => undefined)
    await until(() => /^State:\s+R/m.test(readFileSync(`/proc/${host}/status`, "utf8")))
    backend.kill("SIGKILL")
    await backend.ended
    await until(() => !isThere(host))
  })

  it("ends its plugin when it is stopped in order", async () => {
    backend = await started()
    const host = await hostOf()
    const { code } = await backend.stop()
    assert.strictEqual(code, 0)
    assert.isFalse(isThere(host))
  })
})
