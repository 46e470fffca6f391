import { assert, describe, it } from "@effect/vitest"
import * as Problem from "./Problem.ts"
import { type Code, codes, isCode, rowOf } from "./ProblemCatalogue.ts"

/** One sentence: starts with a capital letter, ends with a full stop, holds no placeholder. */
const sentence = /^[A-Z][^{}<>$%\n]{8,}\.$/

/** Statuses that both wires know. */
const statuses = new Set([400, 401, 403, 404, 405, 408, 409, 412, 413, 415, 422, 426, 429, 500, 501, 502, 503, 504])

describe("ProblemCatalogue", () => {
  it("every code is a word of the wire", () => {
    for (const code of codes) assert.match(code, /^[a-z][a-z0-9]*(_[a-z0-9]+)*$/)
  })

  it("every code says in one sentence what is wrong, and in one what to do", () => {
    for (const code of codes) {
      assert.match(rowOf(code).title, sentence, code)
      assert.match(rowOf(code).fix, sentence, code)
    }
  })

  it("no two codes share a title", () => {
    assert.strictEqual(new Set(codes.map((code) => rowOf(code).title)).size, codes.length)
  })

  it("every status is one that the wires know", () => {
    for (const code of codes) assert.isTrue(statuses.has(rowOf(code).status), `${code}: ${rowOf(code).status}`)
  })

  it("status and origin agree: a caller's fault is a 4xx, a 5xx is never the caller's", () => {
    for (const code of codes) {
      const { origin, status } = rowOf(code)
      if (origin === "caller") assert.isBelow(status, 500, code)
      if (status >= 500) assert.notStrictEqual(origin, "caller", code)
      if (origin === "network") assert.include([502, 504], status, code)
    }
  })

  it("what is malformed, missing or forbidden is never worth the same call again", () => {
    for (const code of codes) {
      const { retryable, status } = rowOf(code)
      if ([400, 401, 403, 404, 405, 412, 413, 415, 422, 426, 501].includes(status)) assert.isFalse(retryable, code)
      if ([408, 429, 504].includes(status)) assert.isTrue(retryable, code)
    }
  })

  it("the codes of the runtime API have its statuses", () => {
    const rows: Record<number, ReadonlyArray<Code>> = {
      400: [
        ...(["invalid_json", "invalid_query", "invalid_worker_id", "invalid_request"] as const),
        ...(["invalid_initial_input_kind", "limit_too_large", "config_bundle_digest_mismatch"] as const),
        ...(["invalid_profile_selector", "unsupported_config_declaration", "wrong_runtime", "invalid_cursor"] as const)
      ],
      401: ["unauthorized"],
      404: ["worker_not_found", "config_bundle_missing", "not_found"],
      405: ["method_not_allowed"],
      409: [
        ...(["runtime_stopped", "worker_execution_unavailable", "execution_backend_unavailable"] as const),
        ...(["worker_execution_rejected", "worker_busy", "worker_not_running", "worker_id_taken"] as const),
        "idempotency_in_flight"
      ],
      413: ["payload_too_large"],
      422: ["idempotency_key_reused"],
      500: ["store_io", "store_missing", "store_corrupt", "internal"],
      501: ["operation_unsupported"],
      503: ["runtime_unavailable"]
    }
    for (const [status, expected] of Object.entries(rows)) {
      for (const code of expected) assert.strictEqual(rowOf(code).status, Number(status), code)
    }
  })

  it("a code is recognised by its own name only", () => {
    assert.isTrue(isCode("worker_busy"))
    for (const other of ["", "toString", "__proto__", "constructor", "Worker_busy"])
      assert.isFalse(isCode(other), other)
  })
})

describe("Problem", () => {
  it("has its code as the tag, and the catalogue's sentence unless there is a better one", () => {
    const problem = Problem.make("worker_busy")
    assert.strictEqual(problem._tag, "worker_busy")
    assert.strictEqual(problem.message, rowOf("worker_busy").title)
    assert.strictEqual(problem.status, 409)
    assert.isTrue(problem.retryable)
    assert.strictEqual(Problem.make("worker_busy", "Busy until noon.").message, "Busy until noon.")
  })

  it("never tells where files are", () => {
    const { stack } = Problem.make("store_io")
    assert.strictEqual(stack, `store_io: ${rowOf("store_io").title}`)
  })

  it("more context is added around what it already says", () => {
    const problem = Problem.withContext(Problem.make("worker_busy", "Busy.", { worker_id: "w", retry_after_ms: 5 }), {
      worker_id: "other",
      runtime_id: "r"
    })
    assert.deepStrictEqual(problem.context, { worker_id: "w", retry_after_ms: 5, runtime_id: "r" })
    assert.deepStrictEqual([problem._tag, problem.message], ["worker_busy", "Busy."])
    assert.isTrue(Problem.isProblem(problem))
  })

  it("is told apart from look-alikes", () => {
    assert.isFalse(Problem.isProblem({ _tag: "worker_busy", detail: "x", context: {} }))
    assert.isFalse(Problem.isProblem(new Error("worker_busy")))
  })
})
