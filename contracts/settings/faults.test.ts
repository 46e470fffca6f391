/** Everything that can be wrong between the backend and a runtime, each told apart by step and code. */
import { type AddressInfo, createServer, type Server } from "node:net"
import { assert, describe, it } from "@effect/vitest"
import { Effect, type Scope } from "effect"
import { StepName, type TestReport } from "../../src/domain/ConnectionTest.ts"
import { authority, certificate } from "../support/Certificates.ts"
import * as FaultProxy from "../support/FaultProxy.ts"
import * as ScriptedPeer from "../support/ScriptedPeer.ts"
import { failureOf, test, world } from "./negotiationWorld.ts"
import * as Api from "./ScriptedApi.ts"

interface Fault {
  readonly name: string
  readonly step: StepName
  readonly code: string
  /** The draft to test; what it needs lives as long as the scope. */
  readonly draft: Effect.Effect<object, never, Scope.Scope>
  readonly policy?: object
}

const at = (endpoint: string, more: object = {}) => Effect.succeed({ endpoint, ...more })
const peer = (answers: Api.Answers, more: object = {}) =>
  Effect.map(Api.make({ ...Api.good, ...answers }), ({ port }) => ({ endpoint: `http://127.0.0.1:${port}`, ...more }))
const tls = (name: Parameters<typeof certificate>[0], ca: string | undefined, host = "runtime.test") =>
  Effect.map(Api.make(Api.good, { tls: certificate(name) }), ({ port }) => ({
    endpoint: `https://${host}:${port}`,
    options: ca === undefined ? {} : { ca }
  }))
const proxied = (fault: FaultProxy.Fault) =>
  Effect.gen(function* () {
    const { port } = yield* Api.make(Api.good)
    const proxy = yield* FaultProxy.make(port)
    yield* proxy.set(fault)
    return { endpoint: `http://127.0.0.1:${proxy.port}` }
  })
/** Answers the first bytes, whatever they are, as an HTTP server answers nonsense. */
const blunt = Effect.map(
  Effect.acquireRelease(
    Effect.callback<Server>((resume) => {
      const server = createServer((socket) => {
        socket.on("error", () => undefined)
        socket.once("data", () => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"))
      })
      server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
    }),
    (server) => Effect.sync(() => server.close())
  ),
  (server) => (server.address() as AddressInfo).port
)
const token = { token_ref: "test:secret" }
const said = (answer: Api.Answer) => ({ "GET /v1/runtime": answer })
const without = (name: string) => {
  const { [name as never]: _, ...rest } = Api.capabilities
  return said(Api.ok(Api.runtime({ capabilities: rest })))
}

const faults: ReadonlyArray<Fault> = [
  { name: "link-local address", step: "policy", code: "egress_refused.link_local", draft: at("http://169.254.7.7") },
  { name: "metadata address", step: "policy", code: "egress_refused.metadata", draft: at("http://169.254.169.254") },
  { name: "blocked port", step: "policy", code: "egress_refused.port_refused", draft: at("http://runtime.test:25") },
  {
    name: "denied network",
    step: "policy",
    code: "egress_refused.denied",
    draft: at("http://10.1.2.3"),
    policy: { deny: ["10.0.0.0/8"] }
  },
  {
    name: "network outside the allowed ones",
    step: "policy",
    code: "egress_refused.not_allowed",
    draft: at("http://10.1.2.3"),
    policy: { allow: ["127.0.0.0/8"] }
  },
  {
    name: "name with a metadata address",
    step: "dns",
    code: "egress_refused.metadata",
    draft: at("http://metadata.test")
  },
  { name: "name without an address", step: "dns", code: "runtime_unreachable.dns", draft: at("http://nowhere.test") },
  { name: "nobody listens", step: "tcp", code: "runtime_unreachable.refused", draft: proxied({ _tag: "refuse" }) },
  {
    name: "expired certificate",
    step: "tls",
    code: "runtime_unreachable.tls_expired",
    draft: tls("expired", authority)
  },
  {
    name: "certificate of another name",
    step: "tls",
    code: "runtime_unreachable.tls_name_mismatch",
    draft: tls("wrong", authority)
  },
  {
    name: "self-signed certificate",
    step: "tls",
    code: "runtime_unreachable.tls_self_signed",
    draft: tls("self", undefined)
  },
  { name: "unknown authority", step: "tls", code: "runtime_unreachable.tls_untrusted", draft: tls("good", undefined) },
  {
    name: "https to a port without TLS",
    step: "tls",
    code: "runtime_unreachable.tls_handshake",
    draft: Effect.map(blunt, (port) => ({ endpoint: `https://runtime.test:${port}` }))
  },
  {
    name: "reset before the answer",
    step: "http",
    code: "runtime_unreachable.reset",
    draft: proxied({ _tag: "reset", after: 5 })
  },
  {
    name: "answer that is cut short",
    step: "http",
    code: "runtime_unreachable.reset",
    draft: proxied({ _tag: "truncate", after: 120 })
  },
  {
    name: "not HTTP",
    step: "http",
    code: "runtime_protocol_error.not_http",
    draft: peer(said("SSH-2.0-OpenSSH_9.9\r\n"))
  },
  {
    name: "redirect",
    step: "http",
    code: "runtime_protocol_error.redirect",
    draft: peer(said(ScriptedPeer.answer("", "location: http://169.254.169.254/\r\n", "302 Found")))
  },
  {
    name: "compressed answer",
    step: "http",
    code: "runtime_protocol_error.encoded",
    draft: peer(said(Api.ok(Api.runtime(), "content-encoding: gzip\r\n")))
  },
  {
    name: "endless answer",
    step: "http",
    code: "runtime_protocol_error.too_large",
    draft: peer(said(`HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 99999999\r\n\r\n{`))
  },
  {
    name: "500",
    step: "http",
    code: "runtime_failed.failed",
    draft: peer(said(Api.problem("500 Internal Server Error", "internal")))
  },
  {
    name: "503",
    step: "http",
    code: "runtime_unavailable.unavailable",
    draft: peer(said(Api.problem("503 Service Unavailable", "nope")))
  },
  {
    name: "secret that is not set",
    step: "auth",
    code: "secret_unresolvable.not_set",
    draft: peer({}, { token_ref: "test:missing" })
  },
  {
    name: "secret that others can read",
    step: "auth",
    code: "secret_unresolvable.readable_by_others",
    draft: peer({}, { token_ref: "test:loose" })
  },
  {
    name: "secret of an unknown scheme",
    step: "auth",
    code: "secret_unresolvable.unknown_scheme",
    draft: peer({}, { token_ref: "vault:x" })
  },
  {
    name: "no token where one is wanted",
    step: "auth",
    code: "runtime_auth_failed.no_token",
    draft: peer(said(Api.problem("401 Unauthorized", "unauthorized")))
  },
  {
    name: "wrong token",
    step: "auth",
    code: "runtime_auth_failed.unauthorized",
    draft: peer(said(Api.problem("401 Unauthorized", "unauthorized")), token)
  },
  {
    name: "token that may not",
    step: "auth",
    code: "runtime_auth_failed.forbidden",
    draft: peer(said(Api.problem("403 Forbidden", "forbidden")), token)
  },
  { name: "web page", step: "protocol", code: "runtime_protocol_error.not_json", draft: peer(said(Api.html())) },
  {
    name: "broken JSON",
    step: "protocol",
    code: "runtime_protocol_error.invalid_json",
    draft: peer(said(ScriptedPeer.answer("{", "content-type: application/json\r\n")))
  },
  {
    name: "JSON of something else",
    step: "protocol",
    code: "runtime_protocol_error.wrong_shape",
    draft: peer(said(Api.ok({ version: "v1.2", kind: "NodeList" })))
  },
  {
    name: "another service",
    step: "protocol",
    code: "runtime_protocol_error.not_a_runtime",
    draft: peer(said(Api.html("404 Not Found")))
  },
  {
    name: "another runtime than expected",
    step: "protocol",
    code: "runtime_protocol_error.wrong_runtime",
    draft: peer({}, { options: { expected_runtime_id: "rt-2" } })
  },
  {
    name: "runtime that cannot create workers",
    step: "operations",
    code: "execution_backend_unavailable",
    draft: peer(said(Api.ok(Api.runtime({ worker_creation_available: false }))))
  },
  {
    name: "runtime that takes no input",
    step: "operations",
    code: "operation_unsupported",
    draft: peer(without("workers.input"))
  },
  {
    name: "list that the token may not see",
    step: "operations",
    code: "runtime_auth_failed.forbidden",
    draft: peer({ "GET /v1/workers": Api.problem("403 Forbidden", "forbidden") }, token)
  },
  {
    name: "event stream that is refused",
    step: "stream",
    code: "runtime_failed.failed",
    draft: peer({
      "GET /v1/workers": Api.ok({ workers: [Api.worker] }),
      "GET /v1/workers/w-1": Api.ok({ worker: Api.worker }),
      "GET /v1/workers/w-1/events/ws": Api.problem("500 Internal Server Error", "internal")
    })
  }
]

const order = StepName.literals

/** Before the failure nothing is skipped over in silence, and after it nothing is claimed. */
const checkOrder = (report: TestReport, step: StepName) => {
  assert.deepStrictEqual(
    report.steps.map((it) => it.step),
    [...order]
  )
  const index = order.indexOf(step)
  for (const [position, it] of report.steps.entries()) {
    assert.isAtLeast(it.latency_ms, 0)
    assert.notStrictEqual(it.summary, "")
    if (position > index) assert.strictEqual(it.status, step === "operations" ? it.status : "skip", it.step)
    else if (position < index && it.code !== "not_reached") assert.include(["pass", "warn"], it.status, it.step)
  }
}

describe("connection test", () => {
  for (const { code, draft, name, policy, step } of faults) {
    it.effect(`${name}: fails at ${step} as ${code}`, () =>
      Effect.gen(function* () {
        const report = yield* test(yield* draft)
        const failure = failureOf(report.steps)
        assert.deepStrictEqual([failure?.step, failure?.code], [step, code])
        assert.isFalse(report.compatible)
        assert.isString(failure?.fix)
        assert.notStrictEqual(failure?.fix, "")
        checkOrder(report, step)
      }).pipe(Effect.scoped, Effect.provide(world(policy ?? {})))
    )
  }

  it("tells more than fourteen faults apart, each with a fix of its own kind", () => {
    const codes = new Set(faults.map(({ code }) => code))
    assert.isAtLeast(codes.size, 30)
  })
})
