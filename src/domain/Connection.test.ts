import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import * as Connection from "./Connection.ts"

const valid = { id: "a", endpoint: "http://127.0.0.1:8790" }
const refusals = (input: unknown) =>
  Result.match(Connection.decodeEntry(input), {
    onSuccess: () => [],
    onFailure: (errors) => errors.map(({ code, pointer }) => `${pointer} ${code}`)
  })

describe("Connection", () => {
  it("a valid entry is normalised and of kind remote_http unless it says otherwise", () => {
    assert.deepStrictEqual(Result.getOrThrow(Connection.decodeEntry({ ...valid, endpoint: "HTTP://H:80/" })), {
      id: "a" as never,
      kind: "remote_http",
      endpoint: "http://h"
    })
  })

  it("ids, names and references outside their grammar are refused by pointer and without the value", () => {
    for (const id of ["", "-a", "_a", "a b", "a/b", "../a", "ä", "a\n", "а", "x".repeat(97), 1, null]) {
      assert.match(refusals({ ...valid, id }).join(), /^\/id (invalid|wrong_type)$/, String(id))
    }
    for (const display_name of ["", "x".repeat(81), "a\nb", "a\u0000", "a\u202eb", "a\u200b", 1]) {
      assert.match(refusals({ ...valid, display_name }).join(), /^\/display_name (invalid|wrong_type)$/)
    }
    for (const token_ref of [
      "",
      "env",
      "env:",
      ":x",
      "ENV:X",
      "hunter2",
      "env:a\nb",
      "env:a\r\nX: y",
      `env:${"x".repeat(600)}`,
      {}
    ]) {
      const errors = Result.getOrThrow(Result.flip(Connection.decodeEntry({ ...valid, token_ref })))
      assert.strictEqual(errors[0]?.pointer, "/token_ref")
      assert.notInclude(JSON.stringify(errors), "hunter2")
    }
    for (const good of [
      { token_ref: "env:NAME" },
      { token_ref: "file:a b/ü" },
      { token_ref: "vault-1:x:y" },
      { display_name: "日本 🙂" }
    ]) {
      assert.deepStrictEqual(refusals({ ...valid, ...good }), [])
    }
  })

  it("all that is wrong is said at once", () => {
    assert.deepStrictEqual(refusals({ id: "", token_ref: "x", nonsense: 1 }).toSorted(), [
      "/id invalid",
      "/nonsense unexpected",
      "/token_ref invalid"
    ])
  })

  it("what is no object is refused", () => {
    for (const input of [null, undefined, 1, "x", [], [valid]]) assert.isNotEmpty(refusals(input))
  })

  it("a raw secret is refused wherever it stands, with a sentence that names token_ref", () => {
    for (const name of ["token", "Password", "bearer_token", "api-key", "ACCESS_TOKEN", "authorization"]) {
      const errors = Result.getOrThrow(Result.flip(Connection.decodeEntry({ ...valid, [name]: "hunter2" })))
      assert.deepStrictEqual(
        errors.map(({ code, pointer }) => [pointer, code]),
        [[`/${name}`, "raw_secret"]]
      )
      assert.include(errors[0]?.message, "token_ref")
      assert.notInclude(JSON.stringify(errors), "hunter2")
    }
    assert.deepStrictEqual(refusals({ ...valid, options: { a: [{ "x/y": { token: "hunter2" } }] } }), [
      "/options/a/0/x~1y/token raw_secret"
    ])
    assert.deepStrictEqual(refusals({ ...valid, options: { token_ref: "env:A", max_tokens: 3 } }), [])
    assert.isTrue(Result.isFailure(Connection.decodePatch({ password: "hunter2" })))
  })

  it("remote_http needs an endpoint, other kinds do not, and nobody configures the embedded one", () => {
    assert.deepStrictEqual(refusals({ id: "a" }), ["/endpoint missing"])
    assert.deepStrictEqual(refusals({ id: "a", kind: "mock" }), [])
    assert.deepStrictEqual(refusals({ id: "a", kind: "embedded" }), ["/kind reserved"])
  })

  it("a patch cannot change id or kind, and null removes", () => {
    for (const patch of [{ id: "b" }, { kind: "mock" }]) assert.isTrue(Result.isFailure(Connection.decodePatch(patch)))
    const entry = Result.getOrThrow(Connection.decodeEntry({ ...valid, display_name: "A", token_ref: "env:A" }))
    const patch = Result.getOrThrow(Connection.decodePatch({ token_ref: null, endpoint: "HTTP://H/" }))
    assert.deepStrictEqual(Result.getOrThrow(Connection.applyPatch(entry, patch)), {
      id: entry.id,
      kind: "remote_http",
      endpoint: "http://h",
      display_name: "A"
    })
    assert.isTrue(Result.isFailure(Connection.applyPatch(entry, { endpoint: null })))
  })
})
