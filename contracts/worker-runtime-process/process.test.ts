/** The process: its flags, its one line, its token, how it ends and what is there when it comes back. */
import { execFileSync } from "node:child_process"
import { chmodSync, writeFileSync } from "node:fs"
import { createServer as createHttpServer } from "node:http"
import { createServer } from "node:net"
import { join } from "node:path"
import { afterAll, assert, describe, it } from "@effect/vitest"
import { connect, durableIds, isEvent, refused } from "./eventClient.ts"
import { eventually, folder, run, start } from "./runtimeProcess.ts"

const timeout = 30_000
const token = "canary-4f1b7c90aa8d4e2f9b6c"
const scratch = folder()
afterAll(scratch.remove)
const at = (name: string) => join(scratch.path, name)

describe("wrong usage", () => {
  it.each([
    ["an unknown flag", ["--nope"]],
    ["an open address without a token", ["--bind", "0.0.0.0:0"]],
    ["a raw token", ["--token", token]],
    ["a raw token as a reference", ["--token-ref", token]]
  ])("%s ends with 2 and one line that repeats no secret", { timeout }, async (_name, args) => {
    const ended = await run(["runtime", "serve", ...args])
    assert.strictEqual(ended.code, 2, ended.stderr)
    assert.strictEqual(ended.stdout, "")
    assert.match(ended.stderr, /^[^\n]+\n$/)
    assert.notInclude(ended.stderr, token)
  })
})

describe("a secret that cannot be had", () => {
  const file = (name: string, text: string | Buffer, mode = 0o600) => {
    writeFileSync(at(name), text)
    chmodSync(at(name), mode)
    return `file:${at(name)}`
  }
  it.each([
    ["a variable that is not set", () => "env:SURELY_NOT_SET", /not set/],
    ["a file that others can read", () => file("loose", token, 0o644), /chmod 600/],
    ["a file with several lines", () => file("lines", `${token}\r\nx: y\n`), /line break/]
  ])("%s is told in one sentence without the secret or its place", { timeout }, async (_name, ref, said) => {
    const ended = await run(["runtime", "serve", "--token-ref", ref()])
    assert.strictEqual(ended.code, 1)
    assert.match(ended.stderr, said)
    assert.match(ended.stderr, /^[^\n]+\n$/)
    assert.notInclude(ended.stderr, token)
    assert.notInclude(ended.stderr, scratch.path)
  })
})

describe("a start that fails", () => {
  it("says that the address is in use", { timeout }, async () => {
    const other = createServer()
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve))
    const { port } = other.address() as { port: number }
    const ended = await run(["runtime", "serve", "--bind", `127.0.0.1:${port}`])
    other.close()
    assert.strictEqual(ended.code, 1)
    assert.match(ended.stderr, /in use.*--bind/)
  })

  it("says that the store is in use", { timeout }, async () => {
    const args = ["--store", "fs", "--fs-root", at("locked")]
    const first = await start(args)
    const ended = await run(["runtime", "serve", "--bind", "127.0.0.1:0", ...args])
    assert.strictEqual(ended.code, 1)
    assert.match(ended.stderr, /Another process uses this store/)
    assert.notInclude(ended.stderr, scratch.path)
    await first.stop()
  })
})

describe("the token", () => {
  it.each([
    ["a variable", (): readonly [string, Record<string, string>] => ["env:RUNTIME_TOKEN", { RUNTIME_TOKEN: token }]],
    [
      "a file that ends with a line break",
      (): readonly [string, Record<string, string>] => {
        writeFileSync(at("token"), `${token}\n`, { mode: 0o600 })
        return [`file:${at("token")}`, {}]
      }
    ]
  ])("from %s opens everything, and nothing opens without it", { timeout }, async (_name, make) => {
    const [ref, env] = make()
    const runtime = await start(["--token-ref", ref], { env, token })
    const { worker } = (await runtime.call("POST", "/v1/workers", {})).body
    const paths = ["/v1/runtime", "/v1/workers", `/v1/workers/${worker.worker_id}/events`, "/metrics"]
    const answers: Array<string> = []
    for (const path of paths) {
      for (const authorization of [undefined, "", "Bearer", "Bearer wrong", `Basic ${token}`, `Bearer ${token}x`]) {
        const response = await fetch(runtime.url + path, {
          headers: authorization === undefined ? {} : { authorization }
        })
        assert.strictEqual(response.headers.get("www-authenticate"), response.status === 401 ? "Bearer" : null)
        answers.push(`${response.status} ${await response.text()}`)
      }
    }
    assert.strictEqual(new Set(answers.slice(0, 24)).size, 1)
    assert.match(answers[0]!, /^401 .*"unauthorized"/)
    const socket = await refused(runtime.url, `/v1/workers/${worker.worker_id}/events/ws`)
    assert.deepStrictEqual([socket.status, socket.body.error.code], [401, "unauthorized"])

    assert.strictEqual((await runtime.call("GET", "/v1/runtime")).status, 200)
    const client = connect(runtime.url, worker.worker_id, { token })
    await client.next(isEvent("snapshot"))
    client.close()
    for (const path of ["/livez", "/readyz"]) assert.strictEqual((await fetch(runtime.url + path)).status, 200)

    const processes = execFileSync("ps", ["-ww", "-o", "args=", "-p", String(runtime.child.pid)], { encoding: "utf8" })
    assert.include(processes, "--token-ref")
    const metrics = (await runtime.call("GET", "/metrics")).body
    const { stderr, stdout } = await runtime.stop()
    for (const text of [processes, metrics, stderr, stdout, ...answers]) assert.notInclude(text, token)
  })

  it("is guessed at a limited rate, and the right one always passes", { timeout }, async () => {
    const runtime = await start(["--token-ref", "env:RUNTIME_TOKEN"], { env: { RUNTIME_TOKEN: token }, token })
    const statuses: Array<number> = []
    for (let guess = 0; guess < 31; guess++) {
      statuses.push((await runtime.call("GET", "/v1/runtime", undefined, { authorization: `Bearer ${guess}` })).status)
    }
    assert.deepStrictEqual([...new Set(statuses.slice(0, 30))], [401])
    assert.strictEqual(statuses[30], 429)
    assert.strictEqual((await runtime.call("GET", "/v1/runtime")).status, 200)
    await runtime.stop()
  })
})

describe("without a token", () => {
  it("a web page gets nothing, whatever name it comes under", { timeout }, async () => {
    const runtime = await start()
    const { port } = new URL(runtime.url)
    const code = async (headers: Record<string, string>) =>
      (await refused(runtime.url, "/v1/runtime", headers)).body.error.code
    assert.strictEqual(await code({ host: "evil.example" }), "origin_refused")
    assert.strictEqual(await code({ host: `127.0.0.1.evil.example:${port}` }), "origin_refused")
    assert.strictEqual(await code({ origin: "http://evil.example" }), "origin_refused")
    assert.strictEqual(await code({ origin: "null" }), "origin_refused")
    assert.strictEqual((await runtime.call("GET", "/v1/runtime")).status, 200)
    await runtime.stop()
  })
})

describe("a process that is told to end", () => {
  it("printed one line, takes no new work, closes its streams with 1012 and ends well", { timeout }, async () => {
    const runtime = await start()
    const { worker } = (await runtime.call("POST", "/v1/workers", {})).body
    const client = connect(runtime.url, worker.worker_id)
    await client.next(isEvent("snapshot"))
    const sse = await fetch(`${runtime.url}/v1/workers/${worker.worker_id}/events`)
    await runtime.call("POST", `/v1/workers/${worker.worker_id}/input`, { kind: "user", content: "/wait 400 goodbye" })
    const ending = runtime.stop()
    const refusedWork = await eventually(
      () => runtime.call("POST", "/v1/workers", {}),
      ({ status }) => status !== 200
    )
    assert.deepStrictEqual([refusedWork.status, refusedWork.body.error.code], [503, "runtime_unavailable"])
    assert.strictEqual(refusedWork.headers.get("retry-after"), "2")
    assert.strictEqual((await runtime.call("GET", "/readyz")).status, 503)
    assert.strictEqual((await runtime.call("GET", "/livez")).status, 200)
    assert.strictEqual((await client.closed).code, 1012)
    // The turn that was under way came to its end.
    assert.isTrue(client.frames.some(isEvent("text_done")))
    assert.include(await sse.text(), '"event":"text_done"')
    const { code, stderr, stdout } = await ending
    assert.strictEqual(code, 0)
    assert.match(stdout, /^http:\/\/127\.0\.0\.1:\d+\n$/)
    assert.include(stderr, "browsers must not")
    for (const line of stderr.trim().split("\n")) assert.isString(JSON.parse(line).message)
  })
})

describe("the fs store", () => {
  it("brings back everything, once, and streams go on from where they were", { timeout }, async () => {
    const args = ["--store=fs", "--fs-root", at("store")]
    const first = await start(args)
    const key = { "idempotency-key": "before" }
    const created = await first.call("POST", "/v1/workers", { initial_input: { kind: "user", content: "one" } }, key)
    const path = `/v1/workers/${created.body.worker.worker_id}`
    await eventually(
      () => first.call("GET", path),
      ({ body }) => body.worker.execution.run_state === "idle"
    )
    const client = connect(first.url, created.body.worker.worker_id)
    const { cursor } = (await client.next(isEvent("snapshot"))).envelope
    const before = await first.call("GET", path)
    const described = (await first.call("GET", "/v1/runtime")).body.runtime
    assert.strictEqual(described.backend, "fs_store")
    assert.strictEqual((await first.stop()).code, 0)
    assert.strictEqual((await client.closed).code, 1012)

    const second = await start(args)
    assert.deepStrictEqual((await second.call("GET", path)).body, before.body)
    const again = (await second.call("GET", "/v1/runtime")).body.runtime
    assert.strictEqual(again.runtime_id, described.runtime_id)
    assert.strictEqual(again.epoch, described.epoch)
    const replayed = await second.call("POST", "/v1/workers", { initial_input: { kind: "user", content: "one" } }, key)
    assert.strictEqual(replayed.headers.get("idempotent-replayed"), "true")
    assert.deepStrictEqual(replayed.body, created.body)
    const resumed = connect(second.url, created.body.worker.worker_id, { cursor })
    await second.call("POST", `${path}/input`, { kind: "user", content: "two" })
    await resumed.next(isEvent("run_end"))
    assert.isFalse(resumed.frames.some((frame) => frame.kind === "resync"))
    assert.strictEqual(durableIds(resumed.frames)[0], before.body.worker.last_event_id + 1)
    await second.stop()
  })

  it("forgets ended workers when it is told to, and no others", { timeout }, async () => {
    const args = ["--store", "fs", "--fs-root", at("pruned")]
    const runtime = await start(args)
    const ids: Array<string> = []
    for (let i = 0; i < 3; i++) ids.push((await runtime.call("POST", "/v1/workers", {})).body.worker.worker_id)
    await runtime.call("POST", `/v1/workers/${ids[0]}/stop`)
    await runtime.call("POST", `/v1/workers/${ids[1]}/cancel`)
    const prune = (...more: ReadonlyArray<string>) =>
      run(["runtime", "workers", "prune", "--fs-root", at("pruned"), ...more])
    const whileUsed = await prune("--older-than", "0s")
    assert.strictEqual(whileUsed.code, 1)
    assert.match(whileUsed.stderr, /Another process uses this store/)
    await runtime.stop()

    assert.strictEqual((await prune("--older-than", "soon")).code, 2)
    assert.strictEqual((await prune()).code, 2)
    assert.deepStrictEqual((await prune("--older-than", "1h")).stdout, "")
    const dry = await prune("--older-than=0s", "--dry-run")
    assert.sameMembers(dry.stdout.trim().split("\n"), [`${ids[0]} stopped`, `${ids[1]} cancelled`])
    assert.strictEqual((await prune("--older-than=0s")).stdout, dry.stdout)
    const again = await start(args)
    const { workers } = (await again.call("GET", "/v1/workers")).body
    assert.deepStrictEqual(
      workers.map((worker: { worker_id: string }) => worker.worker_id),
      [ids[2]]
    )
    await again.stop()
  })

  it("is not made where there was none by the command that empties it", { timeout }, async () => {
    const ended = await run(["runtime", "workers", "prune", "--fs-root", at("mistyped"), "--older-than", "1d"])
    assert.strictEqual(ended.code, 1)
    assert.match(ended.stderr, /no store/)
  })
})

describe("a collector", () => {
  it("gets figures, traces and logs, and in none of them content, a query or a secret", { timeout }, async () => {
    const got = new Map<string, string>()
    const collector = createHttpServer((request, response) => {
      let text = ""
      request.setEncoding("utf8").on("data", (part: string) => (text += part))
      request.on("end", () => {
        got.set(request.url ?? "", (got.get(request.url ?? "") ?? "") + text)
        response.end("{}")
      })
    })
    await new Promise<void>((resolve) => collector.listen(0, "127.0.0.1", resolve))
    const { port } = collector.address() as { port: number }
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`, RUNTIME_TOKEN: token }
    const runtime = await start(["--token-ref", "env:RUNTIME_TOKEN"], { env, token })
    const content = "canary-content-51c8"
    await runtime.call("POST", "/v1/workers", { initial_input: { kind: "user", content } })
    await runtime.call("GET", `/v1/workers?nothing=${content}&limit=${content}`)
    await runtime.call("GET", "/v1/workers", undefined, { authorization: `Bearer ${token}`, "x-content": content })
    const { code, stderr } = await runtime.stop()
    collector.close()
    assert.strictEqual(code, 0)
    assert.sameMembers([...got.keys()], ["/v1/logs", "/v1/metrics", "/v1/traces"])
    assert.include(got.get("/v1/metrics"), "yoi_requests_total")
    for (const text of [...got.values(), stderr]) {
      assert.notInclude(text, token)
      assert.notInclude(text, content)
    }
  })
})

describe("generated ids", () => {
  it("are never the same in two processes", { timeout }, async () => {
    const [a, b] = await Promise.all([start(), start()])
    const id = async (runtime: typeof a) => (await runtime.call("GET", "/v1/runtime")).body.runtime.runtime_id
    const ids = [await id(a), await id(b)]
    assert.notStrictEqual(ids[0], ids[1])
    for (const it of ids) assert.match(it, /^[0-9a-f]{8}-[0-9a-f]{4}-7/)
    await Promise.all([a.stop(), b.stop()])
  })
})
