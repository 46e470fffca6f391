/** Who may talk to a backend on this machine: its own page and programs, and no page from elsewhere. */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { request as httpRequest } from "node:http"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { brotliCompressSync, gzipSync } from "node:zlib"
import { serve, type Served } from "./BackendLayer.ts"
import { type Answer, assertProblem, create, get, inTurn, workerPath, workersPath } from "./Stranger.ts"
import { isEvent, refusal, watch } from "./Watcher.ts"

const inline = "'sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA='"
const inlineStyle = "'sha256-BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB='"
const document = (script: string, words: string) =>
  `<!doctype html><meta http-equiv="content-security-policy" content="default-src 'self'; script-src 'self' ${script}; style-src 'self' ${inlineStyle}"><p>${words}`
const page = document(inline, "the page")

/** Of the document that was rendered ahead: each has a script of its own. */
const ahead = "'sha256-CCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCC='"

let root = ""
let backend: Served
let worker = ""

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), "yoi-page-"))
  mkdirSync(join(root, "_app/immutable/chunks"), { recursive: true })
  writeFileSync(join(root, "index.html"), page)
  mkdirSync(join(root, "settings"))
  writeFileSync(join(root, "settings/connections.html"), document(ahead, "rendered ahead"))
  writeFileSync(join(root, "settings/connections.html.br"), brotliCompressSync(document(ahead, "rendered ahead")))
  writeFileSync(join(root, "shell.html"), document(inline, "the shell"))
  writeFileSync(join(root, "favicon.svg"), "<svg/>")
  writeFileSync(join(root, "_app/immutable/chunks/b.C3d4.js"), "export const b = 1")
  writeFileSync(join(root, "_app/immutable/chunks/b.C3d4.js.gz"), gzipSync("export const b = 1"))
  writeFileSync(join(root, "_app/immutable/chunks/a.B1c2.js"), "export {}")
  backend = await serve({ pageRoot: root, allowedHosts: ["workspace.test", "proxy.test:8443"] })
  worker = await create(backend.url)
})
afterAll(async () => {
  await backend.stop()
  rmSync(root, { recursive: true })
})

/** fetch does not let a program choose its Host. */
const ask = (path: string, method: string, headers: Readonly<Record<string, string>>): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const asked = httpRequest(
      { port: backend.port, host: "127.0.0.1", path, method, headers, agent: false },
      (response) => {
        let said = ""
        const answer = () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: new Headers(
              Object.entries(response.headers).map(([name, value]): [string, string] => [name, String(value)])
            ),
            text: said,
            get body() {
              return JSON.parse(said)
            }
          })
        response.setEncoding("utf8").on("data", (part: string) => {
          said += part
          // An event stream has no end: its beginning is the answer.
          if (response.headers["content-type"] === "text/event-stream") {
            answer()
            response.destroy()
          }
        })
        response.on("end", answer)
      }
    )
    asked.on("error", reject)
    asked.end(method === "POST" ? "{}" : undefined)
  })

const own = () => `127.0.0.1:${backend.port}`
const json = { "content-type": "application/json" }

/** Every kind of place that can be asked, and how it is answered when all is well. */
const places = (): ReadonlyArray<readonly [method: string, path: string, ok: number]> => [
  ["GET", "/api/runtimes", 200],
  ["POST", workersPath, 201],
  ["POST", workerPath(worker, "/cancel"), 200],
  ["DELETE", "/api/session", 204],
  ["GET", workerPath(worker, "/events"), 200],
  ["GET", "/api/openapi.json", 200],
  ["GET", "/livez", 200],
  ["GET", "/", 200],
  ["GET", "/favicon.svg", 200],
  ["GET", "/_app/immutable/chunks/a.B1c2.js", 200]
]

const refusedEverywhere = (headers: () => Readonly<Record<string, string>>, reason: string) =>
  inTurn(places(), async ([method, path]) => {
    const answer = await ask(path, method, { host: own(), ...json, ...headers() })
    assertProblem(answer, { status: 403, code: "origin_refused", more: { reason } })
    assert.isNull(answer.headers.get("access-control-allow-origin"))
  })

const takenEverywhere = (headers: () => Readonly<Record<string, string>>) =>
  inTurn(places(), async ([method, path, ok]) => {
    const answer = await ask(path, method, { host: own(), ...json, ...headers() })
    assert.strictEqual(answer.status, ok, `${method} ${path}: ${answer.text}`)
    assert.isNull(answer.headers.get("access-control-allow-origin"))
  })

const socket = () => `http://${own()}${workerPath(worker, "/events/ws")}`

describe("the Host header", () => {
  for (const host of [
    "evil.test",
    "evil.test:PORT",
    "127.0.0.1.evil.test:PORT",
    "localhost.evil.test:PORT",
    "127.0.0.1",
    "127.0.0.1:1",
    "localhost",
    "127.0.0.2:PORT",
    "127.1:PORT",
    "2130706433:PORT",
    "0.0.0.0:PORT",
    "[::]:PORT",
    "[::ffff:127.0.0.1]:PORT",
    "localhost.:PORT",
    "workspace.test.evil.test",
    "sub.workspace.test",
    "user@127.0.0.1:PORT",
    "127.0.0.1:PORT, evil.test",
    "127.0.0.1:PORT/"
  ]) {
    it(`${host} is refused everywhere`, async () => {
      const headers = () => ({ host: host.replace("PORT", String(backend.port)) })
      await refusedEverywhere(headers, "host")
      const more = { reason: "host" }
      assertProblem(await refusal(socket(), [], { headers: headers() }), { status: 403, code: "origin_refused", more })
    })
  }

  for (const host of [
    "127.0.0.1:PORT",
    "localhost:PORT",
    "LOCALHOST:PORT",
    "[::1]:PORT",
    "workspace.test",
    "workspace.test:PORT",
    "proxy.test:8443"
  ]) {
    it(`${host} is answered`, async () => {
      const answer = await ask("/api/runtimes", "GET", { host: host.replace("PORT", String(backend.port)) })
      assert.strictEqual(answer.status, 200)
    })
  }
})

describe("the Origin header", () => {
  for (const origin of [
    "null",
    "http://evil.test",
    "https://evil.test",
    "http://127.0.0.1",
    "http://127.0.0.1:1",
    "http://localhost:PORT",
    "http://sub.127.0.0.1:PORT",
    "http://127.0.0.1:PORT.evil.test",
    "http://evil.test#http://127.0.0.1:PORT",
    "http://127.0.0.1:PORT/",
    "ftp://127.0.0.1:PORT",
    "chrome-extension://abcdefgh",
    "file://",
    ""
  ]) {
    it(`${origin === "" ? "(empty)" : origin} is refused everywhere`, async () => {
      const headers = () => ({ origin: origin.replace("PORT", String(backend.port)) })
      await refusedEverywhere(headers, "origin")
      const more = { reason: "origin" }
      assertProblem(await refusal(socket(), [], { headers: headers() }), { status: 403, code: "origin_refused", more })
    })
  }

  it("of the page itself is answered everywhere", () => takenEverywhere(() => ({ origin: `http://${own()}` })))

  it("of the page itself opens an event socket", async () => {
    const { socket: opened, until } = await watch(socket(), [], { origin: `http://${own()}` })
    await until(isEvent("snapshot"))
    opened.terminate()
  })

  it("may be left out, as programs do", () => takenEverywhere(() => ({})))
})

describe("Sec-Fetch-Site without an Origin", () => {
  for (const site of ["cross-site", "same-site"]) {
    it(`${site} may read and not write`, () =>
      inTurn(places(), async ([method, path, ok]) => {
        const answer = await ask(path, method, { host: own(), ...json, "sec-fetch-site": site })
        if (method === "GET") assert.strictEqual(answer.status, ok, path)
        else assertProblem(answer, { status: 403, code: "origin_refused", more: { reason: "origin" } })
      }))
  }
  for (const site of ["same-origin", "none"]) {
    it(`${site} is answered everywhere`, () => takenEverywhere(() => ({ "sec-fetch-site": site })))
  }
})

describe("a preflight", () => {
  it("of another origin is refused, and nothing is allowed to it", async () => {
    const answer = await ask(workersPath, "OPTIONS", {
      host: own(),
      origin: "http://evil.test",
      "access-control-request-method": "POST",
      "access-control-request-headers": "content-type"
    })
    assertProblem(answer, { status: 403, code: "origin_refused", more: { reason: "origin" } })
    for (const [name] of answer.headers) assert.notMatch(name, /^access-control-/)
  })

  it("of a form that pretends to be JSON does nothing", async () => {
    const before = (await get(`${backend.url}/api/workers`)).body.items.length
    const answer = await ask(workersPath, "POST", { host: own(), "content-type": "text/plain" })
    assertProblem(answer, { status: 415, code: "unsupported_media_type" })
    assert.strictEqual((await get(`${backend.url}/api/workers`)).body.items.length, before)
  })
})

describe("every answer", () => {
  it("carries the headers that keep pages apart", () =>
    inTurn(
      [...places(), ["GET", "/api/nothing", 404], ["GET", "/nothing.js", 404], ["PUT", "/", 404]] as const,
      async ([method, path, status]) => {
        const answer = await ask(path, method, { host: own(), ...json })
        assert.strictEqual(answer.status, status, path)
        const { headers } = answer
        assert.strictEqual(headers.get("x-content-type-options"), "nosniff")
        assert.strictEqual(headers.get("x-frame-options"), "DENY")
        assert.strictEqual(headers.get("referrer-policy"), "no-referrer")
        assert.strictEqual(headers.get("cross-origin-opener-policy"), "same-origin")
        assert.strictEqual(headers.get("cross-origin-resource-policy"), "same-origin")
        assert.isNull(headers.get("x-powered-by"))
        assert.isNull(headers.get("server"))
        const policy = new Map(
          (headers.get("content-security-policy") ?? "").split("; ").map((directive): [string, string] => {
            const [name, ...values] = directive.split(" ")
            return [name!, values.join(" ")]
          })
        )
        assert.strictEqual(policy.get("default-src"), "'none'")
        const isPage = path === "/" && method === "GET"
        assert.strictEqual(policy.get("script-src"), isPage ? `'self' ${inline}` : "'self'")
        assert.strictEqual(policy.get("style-src"), isPage ? `'self' ${inlineStyle}` : "'self'")
        assert.strictEqual(policy.get("connect-src"), "'self'")
        assert.strictEqual(policy.get("frame-ancestors"), "'none'")
        assert.strictEqual(policy.get("base-uri"), "'none'")
        assert.strictEqual(policy.get("form-action"), "'self'")
        for (const name of ["script-src", "default-src", "connect-src"])
          assert.notMatch(policy.get(name)!, /unsafe|\*|https?:|data:/)
      }
    ))
})

describe("the page", () => {
  const asked = (path: string, headers: Readonly<Record<string, string>> = {}) =>
    ask(path, "GET", { host: own(), ...headers })

  it("is asked for again each time, and its hashed files never", async () => {
    assert.strictEqual((await asked("/")).headers.get("cache-control"), "no-cache")
    assert.strictEqual((await asked("/favicon.svg")).headers.get("cache-control"), "no-cache")
    assert.strictEqual(
      (await asked("/_app/immutable/chunks/a.B1c2.js")).headers.get("cache-control"),
      "public, max-age=31536000, immutable"
    )
  })

  const html = { accept: "text/html" }

  it("has documents that were rendered ahead at their paths, and its shell at every other place", async () => {
    const saidAt = async (path: string, headers: Readonly<Record<string, string>> = html) =>
      (await asked(path, headers)).text
    assert.include(await saidAt("/", {}), "the page")
    assert.include(await saidAt("/settings/connections"), "rendered ahead")
    assert.include(await saidAt("/settings/connections?new=1"), "rendered ahead")
    for (const path of ["/settings", "/settings/", "/workers/a/b", "/nowhere", "/settings/connections/edit/x"])
      assert.include(await saidAt(path), "the shell", path)
    assert.strictEqual((await asked("/nowhere.js", html)).status, 404)
    assert.strictEqual((await asked("/nowhere")).status, 404)
  })

  it("comes with the policy of the document that is sent, also when the page is built anew meanwhile", async () => {
    const policyAt = async (path: string, headers: Readonly<Record<string, string>> = {}) =>
      (await asked(path, { ...html, ...headers })).headers.get("content-security-policy") ?? ""
    const own = await policyAt("/settings/connections")
    assert.include(own, `script-src 'self' ${ahead};`)
    assert.include(own, `style-src 'self' ${inlineStyle};`)
    assert.notInclude(own, inline)
    // Who has it keeps the policy of the answer that says so.
    const etag = (await asked("/settings/connections", html)).headers.get("etag")!
    assert.strictEqual(await policyAt("/settings/connections", { "if-none-match": etag }), own)
    const fresh = "'sha256-DDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDD='"
    writeFileSync(join(root, "shell.html"), document(fresh, "the shell"))
    assert.include(await policyAt("/workers/a/b"), fresh)
    writeFileSync(join(root, "shell.html"), document(inline, "the shell"))
  })

  it("is sent in an encoding that the client takes and the build left", async () => {
    const sent = async (path: string, accept: string, more: Readonly<Record<string, string>> = {}) => {
      const { headers, status } = await asked(path, { ...html, "accept-encoding": accept, ...more })
      return [status, headers.get("content-encoding"), headers.get("content-type"), headers.get("vary")]
    }
    const script = "/_app/immutable/chunks/b.C3d4.js"
    const type = "text/javascript; charset=utf-8"
    assert.deepStrictEqual(await sent(script, "gzip, br"), [200, "gzip", type, "accept-encoding"])
    assert.deepStrictEqual(await sent(script, "br"), [200, null, type, "accept-encoding"])
    assert.deepStrictEqual(await sent(script, "gzip;q=0"), [200, null, type, "accept-encoding"])
    const page = "text/html; charset=utf-8"
    assert.deepStrictEqual(await sent("/settings/connections", "gzip, br"), [200, "br", page, "accept-encoding"])
    assert.deepStrictEqual(await sent("/", "gzip, br"), [200, null, page, "accept-encoding"])
    const { headers } = await asked(script, { "accept-encoding": "gzip" })
    const again = { "if-none-match": headers.get("etag")! }
    assert.strictEqual((await sent(script, "gzip", again))[0], 304)
    assert.strictEqual((await sent(script, "identity", again))[0], 200)
    const unpacked = await fetch(`${backend.url}${script}`)
    assert.strictEqual(await unpacked.text(), "export const b = 1")
  })

  it("is unchanged for who has it", async () => {
    const etag = (await asked("/")).headers.get("etag")!
    assert.strictEqual((await asked("/", { "if-none-match": etag })).status, 304)
  })

  it("answers its own places to a browser, and a problem to a program", async () => {
    assert.strictEqual((await asked("/settings/runtimes", { accept: "text/html" })).text, document(inline, "the shell"))
    assertProblem(await asked("/settings/runtimes"), { status: 404, code: "not_found" })
  })

  it("never stands in for the API", async () => {
    for (const answer of await Promise.all(
      ["/api", "/api/x", "/api/runtimes/x/y"].map((path) => asked(path, { accept: "text/html" }))
    )) {
      assertProblem(answer, { status: 404, code: "not_found" })
    }
  })

  it("gives out nothing from outside its folder", () =>
    inTurn(
      [
        "/../package.json",
        "/%2e%2e/package.json",
        "/..%2f..%2fetc/passwd",
        "/..%5c..%5cetc/passwd",
        "/_app/immutable/../../../../etc/passwd",
        "/_app/immutable/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
        "/_app/immutable/..%2f..%2f..%2fetc/passwd",
        "/%2fetc/passwd",
        "//etc/passwd",
        "/%00",
        "/index.html%00.js"
      ],
      async (path) => {
        const answer = await asked(path)
        assertProblem(answer, { status: 404, code: "not_found" })
      }
    ))
})
