/** The failure table over real sockets: whatever a runtime's address does, the caller gets one problem and no secret. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Redacted, type Scope } from "effect"
import { TestClock } from "effect/testing"
import type { Socket } from "node:net"
import { inspect } from "node:util"
import { gzipSync } from "node:zlib"
import { encode } from "../../src/domain/api/RuntimeProblems.ts"
import { WorkerId } from "../../src/domain/Identifiers.ts"
import type * as Problem from "../../src/domain/Problem.ts"
import { rowOf } from "../../src/domain/ProblemCatalogue.ts"
import { authority, certificate } from "../support/Certificates.ts"
import * as FaultProxy from "../support/FaultProxy.ts"
import * as FieldRuntime from "../support/FieldRuntime.ts"
import * as ScriptedPeer from "../support/ScriptedPeer.ts"
import { client } from "../egress/egressWorld.ts"
import { alias, closedPort, egress, impatient, onPort, remote } from "./remoteWorld.ts"

const worker_id = WorkerId.make("worker-00000001")
const token = "canary-token-9d1f"
const upstream = "canary-upstream-text-4b7e"
const secret = Effect.succeed(Redacted.make(token))

const workerView = {
  worker_ref: { runtime_id: "rt-1", worker_id },
  runtime_id: "rt-1",
  worker_id,
  status: "running",
  execution: { backend: "connected", run_state: "idle" },
  profile: { kind: "runtime_default" },
  config_bundle: null,
  transcript_len: 0,
  last_event_id: 1
}
const goodBody = JSON.stringify({ worker: workerView })

const json = (status: string, body: unknown, headers = "") =>
  ScriptedPeer.answer(JSON.stringify(body), `content-type: application/json\r\n${headers}`, status)
const good = json("200 OK", { worker: workerView })
const html = (status: string) =>
  ScriptedPeer.answer(`<html><h1>${upstream}</h1></html>`, "content-type: text/html; charset=utf-8\r\n", status)
const error = (status: string, code: string, headers = "", details: unknown = {}) =>
  json(status, { error: { code, message: upstream, details } }, headers)

/** What a row expects: the code, and the word that tells it from the others of that code. */
interface Row {
  readonly name: string
  readonly code: Problem.Code
  readonly reason?: string
  readonly context?: Record<string, unknown>
  /** Where the runtime is, or is not. */
  readonly endpoint: Effect.Effect<string, never, Scope.Scope>
  readonly ca?: string
  readonly impatient?: boolean
  /** Lets the deadline pass once the request is there. */
  readonly late?: boolean
}

const local = (port: number) => `http://127.0.0.1:${port}`

/** A peer that answers these bytes. */
const peer = (text: string) =>
  Effect.map(
    ScriptedPeer.make((socket) => socket.write(text)),
    ({ port }) => local(port)
  )
const through = (fault: FaultProxy.Fault, text: string = good) =>
  Effect.gen(function* () {
    const behind = yield* ScriptedPeer.make((socket) => socket.write(text))
    const proxy = yield* FaultProxy.make(behind.port)
    yield* proxy.set(fault)
    return local(proxy.port)
  })
const tls = (name: "expired" | "self" | "wrong" | "good") =>
  Effect.map(
    ScriptedPeer.make((socket) => socket.write(good), { tls: certificate(name) }),
    ({ port }) => `https://127.0.0.1:${port}`
  )

const answers = (name: string, text: string, code: Problem.Code, reason?: string, context?: Row["context"]): Row => ({
  name,
  code,
  endpoint: peer(text),
  ...(reason === undefined ? undefined : { reason }),
  ...(context === undefined ? undefined : { context })
})

const endless = (socket: Socket) => {
  const chunk = `8000\r\n${"a".repeat(0x8000)}\r\n`
  socket.write("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n")
  const pump = () => {
    while (!socket.destroyed && socket.write(chunk));
  }
  socket.on("drain", pump)
  pump()
}

const rows: ReadonlyArray<Row> = [
  // Nothing came back
  { name: "refused", code: "runtime_unreachable", reason: "refused", endpoint: Effect.succeed(local(closedPort)) },
  { name: "DNS", code: "runtime_unreachable", reason: "dns", endpoint: Effect.succeed("http://nowhere.invalid") },
  {
    name: "expired certificate",
    code: "runtime_unreachable",
    reason: "tls_expired",
    endpoint: tls("expired"),
    ca: authority
  },
  { name: "self-signed", code: "runtime_unreachable", reason: "tls_self_signed", endpoint: tls("self"), ca: authority },
  {
    name: "another name's certificate",
    code: "runtime_unreachable",
    reason: "tls_name_mismatch",
    endpoint: tls("wrong"),
    ca: authority
  },
  { name: "unknown authority", code: "runtime_unreachable", reason: "tls_untrusted", endpoint: tls("good") },
  {
    name: "reset on accept",
    code: "runtime_unreachable",
    reason: "reset",
    endpoint: through({ _tag: "reset", after: 0 })
  },
  {
    name: "reset mid-body",
    code: "runtime_unreachable",
    reason: "reset",
    endpoint: through({ _tag: "reset", after: good.length - 20 })
  },
  {
    name: "truncated",
    code: "runtime_unreachable",
    reason: "reset",
    endpoint: through({ _tag: "truncate", after: good.length - 20 })
  },
  {
    name: "half-open",
    code: "runtime_timeout",
    reason: "no_answer",
    endpoint: through({ _tag: "blackhole" }),
    impatient: true
  },
  {
    name: "silence mid-body",
    code: "runtime_timeout",
    reason: "stalled",
    endpoint: through({ _tag: "stall", after: good.length - 9 }),
    impatient: true
  },
  {
    name: "slow drip past the deadline",
    code: "runtime_timeout",
    reason: "deadline",
    endpoint: through({ _tag: "drip", bytes: 1, every_ms: 20 }),
    late: true
  },

  // The runtime refuses
  answers(
    "401",
    error("401 Unauthorized", "unauthorized", "www-authenticate: Bearer\r\n"),
    "runtime_auth_failed",
    "unauthorized"
  ),
  answers("401 of a proxy", html("401 Unauthorized"), "runtime_auth_failed", "unauthorized"),
  answers("403", error("403 Forbidden", "forbidden"), "runtime_auth_failed", "forbidden"),
  answers("404 worker", error("404 Not Found", "worker_not_found"), "worker_not_found"),
  answers("404 route of a runtime", error("404 Not Found", "not_found"), "operation_unsupported", "no_route_in_api"),
  answers("404 of something else", html("404 Not Found"), "runtime_protocol_error", "not_a_runtime"),
  answers(
    "404 without a body",
    ScriptedPeer.answer("", "", "404 Not Found"),
    "runtime_protocol_error",
    "not_a_runtime"
  ),
  answers("405", error("405 Method Not Allowed", "method_not_allowed"), "operation_unsupported", "no_method"),
  answers(
    "405 without a body",
    ScriptedPeer.answer("", "", "405 Method Not Allowed"),
    "operation_unsupported",
    "no_method"
  ),
  answers("409 busy", error("409 Conflict", "worker_busy", "retry-after: 3\r\n"), "worker_busy", undefined, {
    retry_after_ms: 3_000
  }),
  answers("409 not running", error("409 Conflict", "worker_not_running"), "worker_not_running"),
  answers("409 stopped runtime", error("409 Conflict", "runtime_stopped"), "runtime_unavailable", "stopped"),
  answers("409 with a code of tomorrow", error("409 Conflict", "worker_on_strike"), "worker_execution_rejected"),
  answers(
    "400 with a limit",
    error("400 Bad Request", "limit_too_large", "", { max: 64 }),
    "limit_too_large",
    undefined,
    { max: 64 }
  ),
  answers(
    "400 of another runtime",
    error("400 Bad Request", "wrong_runtime"),
    "runtime_protocol_error",
    "wrong_runtime"
  ),
  answers("400 of something else", html("400 Bad Request"), "runtime_protocol_error", "not_a_runtime"),
  answers(
    "a code under a foreign status",
    error("404 Not Found", "worker_busy"),
    "operation_unsupported",
    "no_route_in_api"
  ),
  answers("413", error("413 Content Too Large", "payload_too_large", "", { max: 10 }), "payload_too_large", undefined, {
    max: 10
  }),
  answers("429", html("429 Too Many Requests"), "runtime_unavailable", "unavailable"),
  answers("501", error("501 Not Implemented", "operation_unsupported"), "operation_unsupported", "unsupported"),
  answers(
    "501 without a body",
    ScriptedPeer.answer("", "", "501 Not Implemented"),
    "operation_unsupported",
    "unsupported"
  ),
  answers("500", error("500 Internal Server Error", "internal"), "runtime_failed", "failed"),
  answers("500 of something else", html("500 Internal Server Error"), "runtime_failed", "failed"),
  answers("500 of the store", error("500 Internal Server Error", "store_io"), "store_io"),
  answers("502 of a proxy", html("502 Bad Gateway"), "runtime_failed", "failed"),
  answers(
    "503",
    error("503 Service Unavailable", "runtime_unavailable", "retry-after: 2\r\n"),
    "runtime_unavailable",
    undefined,
    { retry_after_ms: 2_000 }
  ),
  answers("503 of a proxy", html("503 Service Unavailable"), "runtime_unavailable", "unavailable"),
  answers("504 of a proxy", html("504 Gateway Timeout"), "runtime_timeout", "no_answer"),

  // No runtime sends this
  answers("HTML with 200", html("200 OK"), "runtime_protocol_error", "not_json"),
  answers(
    "empty 200",
    ScriptedPeer.answer("", "content-type: application/json\r\n"),
    "runtime_protocol_error",
    "invalid_json"
  ),
  answers(
    "broken JSON",
    ScriptedPeer.answer(goodBody.slice(0, -3), "content-type: application/json\r\n"),
    "runtime_protocol_error",
    "invalid_json"
  ),
  answers(
    "wrong shape",
    json("200 OK", { worker: { ...workerView, status: upstream } }),
    "runtime_protocol_error",
    "wrong_shape"
  ),
  answers("JSON of something else", json("200 OK", [upstream]), "runtime_protocol_error", "wrong_shape"),
  answers(
    "another worker",
    json("200 OK", { worker: { ...workerView, worker_id: "worker-2" } }),
    "runtime_protocol_error",
    "wrong_worker"
  ),
  answers(
    "redirect",
    `HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/${upstream}\r\ncontent-length: 0\r\n\r\n`,
    "runtime_protocol_error",
    "redirect"
  ),
  answers(
    "oversized",
    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 99999999\r\n\r\n{",
    "runtime_protocol_error",
    "too_large",
    { max: 1_048_576 }
  ),
  answers("not HTTP", `220 ${upstream} ESMTP\r\n`, "runtime_protocol_error", "not_http"),
  {
    name: "endless",
    code: "runtime_protocol_error",
    reason: "too_large",
    context: { max: 1_048_576 },
    endpoint: Effect.map(ScriptedPeer.make(endless), ({ port }) => local(port))
  },
  {
    name: "encoded",
    code: "runtime_protocol_error",
    reason: "encoded",
    endpoint: Effect.map(
      ScriptedPeer.make((socket) => {
        const body = gzipSync(goodBody)
        socket.write(`HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: ${body.length}\r\n\r\n`)
        socket.write(body)
      }),
      ({ port }) => local(port)
    )
  },
  {
    name: "invalid UTF-8",
    code: "runtime_protocol_error",
    reason: "invalid_json",
    endpoint: Effect.map(
      ScriptedPeer.make((socket) => {
        socket.write("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 4\r\n\r\n")
        socket.write(Buffer.from([0x22, 0xff, 0xfe, 0x22]))
      }),
      ({ port }) => local(port)
    )
  }
]

/** Everything of a problem that anybody could ever print. */
const printed = (problem: Problem.Problem): string =>
  [
    JSON.stringify(encode(problem)),
    inspect(problem, { depth: 10 }),
    String(problem),
    problem.stack ?? "",
    JSON.stringify(problem.context)
  ].join("\n")

describe("failure table over real sockets", () => {
  for (const row of rows) {
    it.effect(`${row.name} is ${row.code}${row.reason === undefined ? "" : `, ${row.reason}`}`, () =>
      Effect.gen(function* () {
        const endpoint = yield* row.endpoint
        const source = yield* remote(endpoint, {
          token: secret,
          ...(row.ca === undefined ? undefined : { ca: row.ca })
        })
        const call = Effect.flip(source.get(worker_id))
        let problem: Problem.Problem
        if (row.late === true) {
          const fiber = yield* Effect.forkChild(call)
          yield* Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 50)))
          yield* TestClock.adjust("6 seconds")
          problem = yield* Fiber.join(fiber)
        } else problem = yield* call

        assert.strictEqual(problem._tag, row.code)
        assert.deepStrictEqual(problem.context, {
          runtime_id: alias,
          worker_id,
          operation: "worker.get",
          ...(row.reason === undefined ? undefined : { reason: row.reason }),
          ...row.context
        })
        assert.strictEqual(problem.status, rowOf(row.code).status)
        const { host, port } = new URL(endpoint)
        for (const canary of [token, upstream, host, ...(port === "" ? [] : [port]), "169.254"]) {
          assert.notInclude(printed(problem), canary)
        }
      }).pipe(
        Effect.scoped,
        Effect.provide(row.name === "DNS" ? client({}, () => []) : row.impatient === true ? impatient : egress)
      )
    )
  }

  it.effect("an address that the policy refuses is never dialled", () =>
    Effect.gen(function* () {
      for (const endpoint of [
        "http://169.254.169.254",
        "http://[fe80::1]",
        "ftp://127.0.0.1",
        "http://a:b@127.0.0.1"
      ]) {
        const problem = yield* Effect.flip(remote(endpoint))
        assert.strictEqual(problem._tag, "egress_refused", endpoint)
        assert.notInclude(printed(problem), "169.254.169.254")
      }
    }).pipe(Effect.scoped, Effect.provide(egress))
  )

  it.effect("a token that cannot be sent, or cannot be resolved, makes no call", () =>
    Effect.gen(function* () {
      const runtime = yield* FieldRuntime.make()
      for (const wrong of ["", "two words", `line\r\nbreak-${token}`, "x".repeat(9_000)]) {
        const source = yield* onPort(runtime.port, { token: Effect.succeed(Redacted.make(wrong)) })
        const problem = yield* Effect.flip(source.get(worker_id))
        assert.strictEqual(problem._tag, "secret_unresolvable")
        assert.notInclude(printed(problem), token)
      }
      assert.lengthOf(runtime.requests, 0)
    }).pipe(Effect.scoped, Effect.provide(egress))
  )
})

describe("failure table: commands", () => {
  const described = {
    runtime_id: "rt-1",
    display_name: null,
    backend: "memory",
    status: "running",
    worker_count: 0,
    active_worker_count: 0,
    stopped_worker_count: 0,
    cancelled_worker_count: 0,
    diagnostic_count: 0,
    limits: { max_transcript_projection_items: 256, max_event_batch_items: 256 },
    worker_creation_available: true
  }
  const input = { kind: "user", content: "hello" } as const
  const describes = (socket: Socket, head: string): boolean => {
    if (!head.startsWith("GET /v1/runtime")) return false
    socket.write(json("200 OK", { runtime: described }))
    return true
  }

  for (const [name, act, code, reason] of [
    [
      "a reset after the command was sent",
      (socket: Socket) => socket.resetAndDestroy(),
      "runtime_unreachable",
      "answer_lost"
    ],
    ["silence after the command was sent", () => undefined, "runtime_timeout", "answer_late"],
    [
      "a failure while it was handled",
      (socket: Socket) => socket.write(html("500 Oops")),
      "runtime_failed",
      "failed_midway"
    ]
  ] as const) {
    it.effect(`${name} says that it may have been carried out`, () =>
      Effect.gen(function* () {
        const runtime = yield* ScriptedPeer.make((socket, head) => {
          if (!describes(socket, head)) act(socket)
        })
        const source = yield* onPort(runtime.port)
        const problem = yield* Effect.flip(source.input(worker_id, input, {}))
        assert.strictEqual(problem._tag, code)
        assert.strictEqual(problem.context.reason, reason)
      }).pipe(Effect.scoped, Effect.provide(impatient))
    )
  }

  it.effect("a command that never left is a plain failure of the connection", () =>
    Effect.gen(function* () {
      const source = yield* onPort(closedPort)
      const problem = yield* Effect.flip(source.input(worker_id, input, {}))
      assert.strictEqual(problem.context.reason, "refused")
    }).pipe(Effect.scoped, Effect.provide(egress))
  )
})
