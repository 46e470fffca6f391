/** Connections that are slow, garbled or sly: cut, answered, and never let past the login. */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { connect } from "node:net"
import { serve, type Served } from "./BackendLayer.ts"
import { assertProblem, bytes, exchange, get, inTurn, parse, post, workersPath } from "./Stranger.ts"

const token = "correct-horse-battery-staple"
const bearer = `Authorization: Bearer ${token}`
const timeouts = { headers: 300, request: 600, checking: 50 }

let open: Served
let locked: Served

beforeAll(async () => {
  open = await serve({ timeouts })
  locked = await serve({ accessToken: token, timeouts })
})
afterAll(async () => {
  await open.stop()
  await locked.stop()
})

/** A request whose head is complete and whose body, if any, is not. */
const head = (line: string, ...headers: ReadonlyArray<string>): string =>
  [`${line} HTTP/1.1`, `Host: 127.0.0.1:${open.port}`, ...headers, "", ""].join("\r\n")
const posting = (...headers: ReadonlyArray<string>) =>
  head(`POST ${workersPath}`, "Content-Type: application/json", ...headers)

describe("a client that is slow", () => {
  const slow: ReadonlyArray<readonly [name: string, parts: () => ReadonlyArray<string>]> = [
    ["with its headers", () => [head("GET /livez").slice(0, -4)]],
    ["with its body", () => [`${posting("Content-Length: 1000")}{`]],
    ["with its chunks", () => [`${posting("Transfer-Encoding: chunked")}1\r\n{\r\n`]]
  ]
  for (const [name, parts] of slow) {
    it(`${name} is told so and cut`, async () => {
      assertProblem(parse((await exchange(open.port, ...parts())).said), {
        status: 408,
        code: "request_timeout",
        more: { max: 30_000 }
      })
    })
  }

  it("byte by byte is cut all the same, and others do not wait for it", async () => {
    const dripping = new Promise<void>((resolve) => {
      const socket = connect(open.port, "127.0.0.1")
      const drip = setInterval(() => socket.write("x"), 20)
      socket.write("GET /livez HTTP/1.1\r\nx-slow: ")
      socket.on("error", () => {})
      socket.resume()
      socket.on("close", () => {
        clearInterval(drip)
        resolve()
      })
    })
    assert.strictEqual((await get(`${open.url}/livez`)).status, 200)
    await dripping
  })
})

describe("what is no request", () => {
  const garbage: ReadonlyArray<readonly [name: string, said: string]> = [
    ["a TLS hello", "\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001"],
    ["an unknown method", "BREW / HTTP/1.1\r\n\r\n"],
    ["bare line feeds", "GET /livez HTTP/1.1\nHost: x\n\n"],
    ["a header with a NUL", "GET /livez HTTP/1.1\r\nHost: x\r\na: \u0000\r\n\r\n"],
    ["a header that is folded", "GET /livez HTTP/1.1\r\nHost: x\r\na: b\r\n c\r\n\r\n"],
    ["a header name with a space", "GET /livez HTTP/1.1\r\nHost : x\r\n\r\n"],
    ["two lengths", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"],
    [
      "a length and chunks",
      "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    ],
    ["a negative length", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n"],
    ["a backslash for a slash", "GET \\api\\runtimes HTTP/1.1\r\nHost: x\r\n\r\n"],
    ["HTTP/2 without asking", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"]
  ]
  for (const [name, said] of garbage) {
    it(`${name} is 400, and the connection is closed`, async () => {
      assertProblem(parse((await exchange(open.port, said)).said), { status: 400, code: "invalid_request" })
    })
  }

  it("garbage behind a good request does not spoil its answer", async () => {
    const { said } = await exchange(open.port, `${head("GET /livez")}\u0000\u0001garbage\r\n\r\n`)
    assert.match(said, /^HTTP\/1\.1 200 OK\r\n/)
    assert.include(said, '{"status":"ok"}')
    assertProblem(parse(said), { status: 400, code: "invalid_request" })
  })

  it("pipelined requests are answered in order, each with its own", async () => {
    const { said } = await exchange(
      open.port,
      head("GET /livez") + head("GET /api/x") + bytes(open.port, "GET /readyz")
    )
    assert.deepStrictEqual(said.match(/HTTP\/1\.1 \d+/g), ["HTTP/1.1 200", "HTTP/1.1 404", "HTTP/1.1 200"])
  })

  for (const [name, line, headers] of [
    ["one huge header", "GET /livez", [`X: ${"a".repeat(20_000)}`]],
    ["thousands of headers", "GET /livez", Array.from({ length: 2_500 }, () => "a: b")],
    ["a huge path", `GET /${"a".repeat(20_000)}`, []]
  ] as const) {
    it(`${name} is 413`, async () => {
      const answer = parse((await exchange(open.port, bytes(open.port, line, headers))).said)
      assertProblem(answer, { status: 413, code: "payload_too_large", more: { max: 16_384 } })
    })
  }

  it("a body in endless chunks is 413 as soon as it is too large", async () => {
    const chunk = `10000\r\n${"a".repeat(65_536)}\r\n`
    const parts = [
      posting("Transfer-Encoding: chunked", "Connection: close"),
      ...Array.from({ length: 40 }, () => chunk)
    ]
    const answer = parse((await exchange(open.port, ...parts)).said)
    assertProblem(answer, { status: 413, code: "payload_too_large", more: { max: 2_359_296 } })
  })

  it("an expectation that nobody can meet is refused", async () => {
    const answer = parse((await exchange(open.port, posting("Expect: a-miracle", "Content-Length: 2"))).said)
    assertProblem(answer, { status: 400, code: "invalid_request" })
  })

  it("an upgrade to something else, or elsewhere, is ignored", async () => {
    const [h2c, page] = await Promise.all(
      [
        ["GET /livez", "h2c"],
        ["GET /readyz", "websocket"]
      ].map(async ([line, protocol]) => {
        const { said } = await exchange(open.port, head(line!, `Upgrade: ${protocol}`, "Connection: close, Upgrade"))
        return parse(said)
      })
    )
    assert.deepStrictEqual([h2c!.status, page!.status], [200, 200])
    assert.isNotNull(page!.headers.get("content-security-policy"))
  })

  for (const method of ["TRACE", "PROPFIND", "OPTIONS", "SEARCH"]) {
    it(`${method} does nothing anywhere`, async () => {
      const [api, page] = await Promise.all(
        ["/api/runtimes", "/"].map(async (path) =>
          parse((await exchange(open.port, bytes(open.port, `${method} ${path}`))).said)
        )
      )
      assertProblem(api!, { status: 405, code: "method_not_allowed" })
      assertProblem(page!, { status: 404, code: "not_found" })
    })
  }
})

describe("the host of a request", () => {
  const asked = async (port: number, text: string) => parse((await exchange(port, text)).said)

  it("may not be left out or empty, in HTTP/1.1 or 1.0", async () => {
    const problem = { status: 403, code: "origin_refused", more: { reason: "host" } }
    await inTurn(["1.0", "1.1", "1.1\r\nHost:", "1.1\r\nHost: "], async (version) =>
      assertProblem(await asked(open.port, `GET /livez HTTP/${version}\r\nConnection: close\r\n\r\n`), problem)
    )
  })

  it("is answered in HTTP/1.0 too", async () => {
    const { said } = await exchange(open.port, `GET /livez HTTP/1.0\r\nHost: 127.0.0.1:${open.port}\r\n\r\n`)
    assert.match(said, /^HTTP\/1\.1 200 /)
  })

  for (const order of ["first", "last"] as const) {
    it(`may not be named twice, with the foreign one ${order}`, async () => {
      const own = `Host: 127.0.0.1:${open.port}`
      const hosts = order === "first" ? ["Host: evil.test", own] : [own, "host: evil.test"]
      const answer = await asked(open.port, `GET /livez HTTP/1.1\r\n${hosts.join("\r\n")}\r\nConnection: close\r\n\r\n`)
      assertProblem(answer, { status: 400, code: "invalid_request" })
    })
  }

  for (const target of [
    "http://127.0.0.1/api/runtimes",
    "http://evil.test/api/runtimes",
    "//evil.test/api/runtimes",
    "*",
    "api/runtimes"
  ]) {
    it(`may not come with the target (${target})`, async () => {
      await inTurn([open, locked], async ({ port }) =>
        assert.include([400, 401, 404], (await asked(port, bytes(port, `GET ${target}`))).status)
      )
    })
  }
})

describe("a path, with a login", () => {
  const paths = [
    "/api/runtimes",
    "/api/openapi.json",
    "/api/nothing",
    "//api/runtimes",
    "///api/runtimes",
    "/api//runtimes",
    "/api/runtimes/",
    "/api/./runtimes",
    "/api/x/../runtimes",
    "/./api/runtimes",
    "/x/../api/runtimes",
    "/..;/api/runtimes",
    "/;/api/runtimes",
    "/api;x=1/runtimes",
    "/api/;x/runtimes",
    "/api/runtimes;x",
    "/%61pi/runtimes",
    "/%61%70%69/runtimes",
    "/%2561pi/runtimes",
    "/api%2fruntimes",
    "/api%2Fruntimes",
    "/%2fapi/runtimes",
    "/%2f%2fapi/runtimes",
    "/%5capi/runtimes",
    "/api\\runtimes",
    "/\\api/runtimes",
    "/API/runtimes",
    "/Api/Runtimes",
    "/api/runtimes%00",
    "/%00/api/runtimes",
    "/api%00/runtimes",
    "/api/runtimes?x=/livez",
    "/api/runtimes#/livez",
    "/livez/../api/runtimes",
    "/livez/%2e%2e/api/runtimes",
    "/api/session/../runtimes",
    "/api/session/%2e%2e/runtimes",
    "/api/session;/../runtimes",
    "/api/session/",
    "/%c0%afapi/runtimes",
    "/ａｐｉ/runtimes",
    "http://127.0.0.1/api/runtimes",
    "http:/api/runtimes",
    "http://x/livez/../api/runtimes"
  ]

  for (const path of paths) {
    it(`${path} leads nowhere without the token, by any method`, async () => {
      const answers = await Promise.all(
        ["GET", "HEAD", "POST", "OPTIONS"].map(async (method) => {
          const { said } = await exchange(locked.port, bytes(locked.port, `${method} ${path}`))
          return { method, said }
        })
      )
      for (const { method, said } of answers) {
        assert.match(said, /^HTTP\/1\.1 (400|401|404) /, `${method} ${path}`)
        assert.notMatch(said, /backend-internal|openapi/)
      }
    })
  }

  it("has one spelling with the token", async () => {
    const statuses = await Promise.all(
      ["/api/runtimes", "//api/runtimes", "/api/runtimes/", "/%61pi/runtimes", "/API/runtimes"].map(
        async (path) => parse((await exchange(locked.port, bytes(locked.port, `GET ${path}`, [bearer]))).said).status
      )
    )
    assert.deepStrictEqual(statuses, [200, 404, 404, 404, 404])
  })

  it("that needs no login stays open", async () => {
    const statuses = await Promise.all(
      ["/livez", "/readyz", "/api/session"].map(async (path) => (await get(locked.url + path)).status)
    )
    assert.deepStrictEqual(statuses, [200, 200, 200])
  })
})

describe("a large body that is refused before it is read", () => {
  it("has its answer read by the client that still sends", async () => {
    const body = JSON.stringify({ display_name: "a".repeat(2_300_000) })
    assertProblem(await post(locked.url + workersPath, body, { "content-type": "application/json" }), {
      status: 401,
      code: "session_required"
    })
  })
})
