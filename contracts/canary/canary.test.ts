/**
 * Addresses, secrets and paths never reach a browser, a log or an error: unique strings are planted in every one of them,
 * the whole surface of a running backend is driven through success and failure, and everything it said is searched.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { createServer, type Server } from "node:http"
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { WebSocket } from "ws"
import { type Backend, makeFolder, removeFolder, start } from "../backend/BackendProcess.ts"

const token = "canary-token-5f0c1d7e9b3a48624f6d"
const wrongToken = "canary-wrong-a81d0f3c77e2b9465510"
/** An address of this machine that nothing else uses. */
const host = "127.0.0.93"

let folder: string
let backend: Backend
let runtime: ChildProcess | undefined
let impostor: Server | undefined
let port = 0
let runtimeLog = ""

/** Everything that the backend ever sent, by where it came from. */
const said: Array<{ readonly where: string; readonly text: string }> = []

const main = new URL("../../src/app/main.ts", import.meta.url).pathname

const startRuntime = async (secret: string): Promise<void> => {
  const child = spawn(
    process.execPath,
    [
      main,
      "runtime",
      "serve",
      `--bind=${host}:${port}`,
      "--runtime-id=rt-canary",
      "--store=fs",
      `--fs-root=${join(folder, "canary-store")}`,
      "--token-ref=env:RUNTIME_TOKEN"
    ],
    { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, RUNTIME_TOKEN: secret } }
  )
  runtime = child
  child.stderr!.on("data", (chunk: Buffer) => (runtimeLog += chunk.toString()))
  const [line] = (await once(child.stdout!, "data")) as [Buffer]
  port = Number(new URL(line.toString().trim()).port)
}

const stopRuntime = async (): Promise<void> => {
  const running = runtime
  runtime = undefined
  if (running === undefined || running.exitCode !== null) return
  running.kill("SIGKILL")
  await once(running, "exit")
}

/** Something else behind the runtime's address. */
const impersonate = async (respond: Parameters<typeof createServer>[1]): Promise<void> => {
  impostor = createServer(respond)
  impostor.listen(port, host)
  await once(impostor, "listening")
}

const unmask = async (): Promise<void> => {
  const running = impostor
  impostor = undefined
  if (running === undefined) return
  running.closeAllConnections()
  running.close()
  await once(running, "close")
}

const ask = async (method: string, path: string, body?: unknown): Promise<{ status: number; text: string }> => {
  const response = await fetch(`${backend.url}${path}`, {
    method,
    signal: AbortSignal.timeout(20_000),
    ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { "content-type": "application/json" } })
  })
  const text = path.endsWith("/events") ? await firstChunk(response) : await response.text()
  const headers = [...response.headers].map(([name, value]) => `${name}: ${value}`).join("\n")
  said.push({ where: `${method} ${path} ${response.status}`, text: `${headers}\n${text}` })
  return { status: response.status, text }
}

/** An event stream does not end by itself. */
const firstChunk = async (response: Response): Promise<string> => {
  const reader = response.body!.getReader()
  const { value } = await reader.read()
  await reader.cancel()
  return new TextDecoder().decode(value)
}

/** Opens an event socket, keeps what it says, and leaves it when it has said something. */
const listen = (path: string): Promise<void> =>
  new Promise((resolve) => {
    const socket = new WebSocket(`${backend.url.replace("http", "ws")}${path}`, "worker-events.v1")
    const keep = (text: string) => said.push({ where: `ws ${path}`, text })
    socket.on("message", (data) => {
      keep(String(data))
      if (String(data).includes('"snapshot"')) socket.close()
    })
    socket.on("unexpected-response", (_request, response) => {
      let text = ""
      response.on("data", (chunk: Buffer) => (text += chunk.toString()))
      response.on("end", () => {
        keep(`${JSON.stringify(response.headers)}\n${text}`)
        resolve()
      })
    })
    socket.on("error", (error) => keep(error.message))
    socket.on("close", (code, reason) => {
      keep(`${code} ${String(reason)}`)
      resolve()
    })
  })

const worker = "/api/runtimes/canary/workers/w-1"
/** What stands in the paths of the document. */
const names: Readonly<Record<string, string>> = {
  runtime_id: "canary",
  worker_id: "w-1",
  id: "canary",
  permission_id: "permission-1",
  input_id: "input-1"
}
const bodies: Readonly<Record<string, unknown>> = {
  "POST /api/runtimes/{runtime_id}/workers": { display_name: "x" },
  "POST /api/runtimes/{runtime_id}/workers/{worker_id}/input": { content: "hello" },
  "POST /api/runtimes/{runtime_id}/workers/{worker_id}/interrupt": { reason: "enough" },
  "POST /api/runtimes/{runtime_id}/workers/{worker_id}/permissions/{permission_id}": { option_id: "yes" },
  "POST /api/session": { token: wrongToken },
  "POST /api/settings/runtime-connections": { id: "other", endpoint: "http://127.0.0.1:9", token: token },
  "POST /api/settings/runtime-connections/test": { id: "draft", endpoint: "http://169.254.169.254/", options: {} },
  "PATCH /api/settings/runtime-connections/{id}": { display_name: "Canary" }
}

/** What an admin configured and may read again: the settings API, on purpose. */
const settings = /^(GET|POST|PATCH) \/api\/settings\/runtime-connections(\/canary)?(\/export)?(\?[^ ]*)? (200|201)$/

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, unknown>>>>
}

/** Calls every operation of the API document once, for the given worker. */
const driveAll = async (document: Document): Promise<ReadonlyArray<number>> => {
  const statuses: Array<number> = []
  for (const [template, methods] of Object.entries(document.paths)) {
    const path = template.replaceAll(
      /\{(\w+)\}/g,
      (_, name: string) => names[name] ?? assert.fail(`nobody is called ${name}`)
    )
    for (const name of Object.keys(methods)) {
      const method = name.toUpperCase()
      if (!["GET", "POST", "PATCH", "DELETE"].includes(method)) continue
      // The connection is needed until the end.
      if (method === "DELETE" && path.endsWith("/canary")) continue
      if (path.endsWith("/ws")) {
        await listen(path)
        continue
      }
      statuses.push((await ask(method, path, bodies[`${method} ${template}`])).status)
    }
  }
  return statuses
}

let document: Document

beforeAll(async () => {
  folder = makeFolder()
  await startRuntime(token)
  backend = await start({
    folder: join(folder, "canary-workspace"),
    config: `[[runtimes.remote]]\nid = "canary"\nendpoint = "http://${host}:${port}"\ntoken_ref = "env:CANARY_TOKEN"\n`,
    env: { CANARY_TOKEN: token, NODE_ENV: "production" }
  })
  document = JSON.parse((await ask("GET", "/api/openapi.json")).text)
}, 120_000)

afterAll(async () => {
  await unmask()
  await stopRuntime()
  await backend.stop()
  removeFolder(folder)
})

describe("planted strings", () => {
  it("are in none of the answers while everything works", async () => {
    const created = await ask("POST", "/api/runtimes/canary/workers", {
      initial_input: { kind: "user", content: "hi" }
    })
    assert.strictEqual(created.status, 201)
    const { worker_id } = JSON.parse(created.text).worker
    const path = `/api/runtimes/canary/workers/${worker_id}`
    await listen(`${path}/events/ws`)
    for (const rest of ["", "/transcript", "/events"]) assert.strictEqual((await ask("GET", path + rest)).status, 200)
    assert.include([200, 409], (await ask("POST", `${path}/input`, { content: "again" })).status)
    await ask("POST", `${path}/input`, { content: "/wait 60000 never", mode: "interrupt" })
    const waits = await ask("POST", `${path}/input`, { content: "later", mode: "queue" })
    assert.strictEqual((await ask("GET", path)).status, 200)
    const { input_id } = JSON.parse(waits.text).ack.queued
    assert.strictEqual((await ask("DELETE", `${path}/queue/${input_id}`)).status, 200)
    assert.strictEqual((await ask("POST", `${path}/permissions/none`, { option_id: "yes" })).status, 404)
    assert.strictEqual((await ask("POST", `${path}/interrupt`, { reason: "enough" })).status, 200)
    assert.strictEqual((await ask("POST", `${path}/stop`)).status, 200)
    const statuses = await driveAll(document)
    assert.isAbove(statuses.filter((status) => status < 300).length, 8)
    assert.include(statuses, 404)
    await ask("GET", "/")
    await ask("GET", "/no/such/page")
    await ask("GET", "/api/%2e%2e/%2e%2e/etc/passwd")
  }, 120_000)

  it.each<readonly [string, Parameters<typeof createServer>[1]]>([
    [
      "a page of somebody else",
      (_, response) => response.setHeader("content-type", "text/html").end(`<h1>${host}</h1>`)
    ],
    ["a redirect", (_, response) => response.writeHead(302, { location: `http://${host}:${port}/elsewhere` }).end()],
    [
      "an error that names places",
      (_, response) =>
        response
          .writeHead(500)
          .end(JSON.stringify({ error: { code: "store_io", message: `${folder} ${host}:${port} ${token}` } }))
    ],
    [
      "a refusal that names the token",
      (request, response) => response.writeHead(403).end(String(request.headers.authorization))
    ],
    [
      "another runtime",
      (_, response) =>
        response.setHeader("content-type", "application/json").end(JSON.stringify({ runtime: { runtime_id: host } }))
    ],
    ["a hang-up", (request) => request.socket.destroy()]
  ])(
    "are in none of the answers with %s behind the address",
    async (_name, respond) => {
      await stopRuntime()
      await impersonate(respond)
      for (const [method, rest] of [
        ["GET", ""],
        ["GET", "/transcript"],
        ["GET", "/events"],
        ["POST", "/stop"],
        ["POST", "/interrupt"],
        ["DELETE", "/queue/input-1"]
      ] as const) {
        assert.isAtLeast((await ask(method, worker + rest)).status, 400)
      }
      await ask("GET", "/api/runtimes/canary")
      await ask("GET", "/api/workers")
      await ask("POST", "/api/settings/runtime-connections/canary/test")
      await listen(`${worker}/events/ws`)
      await unmask()
    },
    120_000
  )

  it("are in none of the answers while nothing is there, or the token is wrong", async () => {
    await stopRuntime()
    await driveAll(document)
    await startRuntime(wrongToken)
    await driveAll(document)
  }, 180_000)

  it("are nowhere in what was said, nor in the log", async () => {
    await backend.stop()
    said.push({ where: "backend stderr", text: backend.written.stderr }, { where: "runtime stderr", text: runtimeLog })
    assert.isAbove(said.length, 100)
    const planted = {
      token,
      wrongToken,
      host,
      port: `:${port}`,
      folder,
      store: "canary-store",
      workspace: "canary-workspace"
    }
    const found = said.flatMap(({ text, where }) =>
      Object.entries(planted)
        .filter(
          ([name, value]) => text.includes(value) && !(settings.test(where) && (name === "host" || name === "port"))
        )
        .map(([name]) => `${name} in ${where}`)
    )
    assert.deepStrictEqual(found, [])
    // The search itself works: the settings API does show the endpoint to the admin.
    assert.isTrue(said.some(({ text, where }) => settings.test(where) && text.includes(host)))
  })
})
