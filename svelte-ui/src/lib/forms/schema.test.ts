import { assert, it } from "vitest"
import { fieldsOf } from "./schema.ts"
import { faultsOf } from "./faults.ts"
import { leaves, textsOf, valueOf } from "./texts.ts"

const schema = {
  type: "object",
  required: ["workers", "mode"],
  $defs: { Rate: { type: "number", minimum: 0, maximum: 1, description: "Share of calls that fail." } },
  properties: {
    workers: { type: "integer", minimum: 0, maximum: 100, default: 3 },
    mode: { type: "string", enum: ["steady", "flaky"] },
    latency_ms: { anyOf: [{ type: "number" }, { type: "null" }], title: "Latency" },
    verbose: { type: "boolean" },
    tags: { type: "array", items: { type: "string" } },
    faults: { type: "object", properties: { rate: { $ref: "#/$defs/Rate" }, "a/b": { type: "string" } } },
    name: { type: "string", allOf: [{ minLength: 2 }, { maxLength: 5, pattern: "^[a-z]+$" }] },
    ratio: { anyOf: [{ type: "number" }, { type: "string", enum: ["Infinity", "-Infinity", "NaN"] }] },
    level: { anyOf: [{ const: 1 }, { const: 2 }] },
    api_key_ref: { type: "string" },
    anything: {}
  }
}
const fields = fieldsOf(schema, "/options", ["api_key_ref"])
const one = (pointer: string) => leaves(fields).find((field) => field.pointer === pointer)

it("every kind of member becomes the field that fits it", () => {
  assert.deepInclude(one("/options/workers"), {
    kind: "number",
    whole: true,
    min: 0,
    max: 100,
    required: true,
    placeholder: "3"
  })
  assert.deepInclude(one("/options/mode"), { kind: "choice", required: true })
  assert.deepInclude(one("/options/latency_ms"), { kind: "number", whole: false, label: "Latency", required: false })
  assert.deepInclude(one("/options/verbose"), { kind: "boolean", initially: false })
  assert.deepInclude(one("/options/tags"), { kind: "list" })
  assert.deepInclude(one("/options/faults/rate"), { kind: "number", max: 1, description: "Share of calls that fail." })
  assert.deepInclude(one("/options/faults/a~1b"), { kind: "text", label: "A/b" })
  assert.deepInclude(one("/options/name"), { kind: "text", min: 2, max: 5, pattern: "^[a-z]+$" })
  assert.deepInclude(one("/options/ratio"), { kind: "number", whole: false })
  assert.deepInclude(one("/options/level"), { kind: "choice" })
  assert.deepInclude(one("/options/api_key_ref"), { kind: "text", secret: true })
  assert.deepInclude(one("/options/anything"), { kind: "json" })
})

const value = {
  workers: 4,
  mode: "flaky",
  latency_ms: 1.5,
  verbose: true,
  tags: ["a", "b c"],
  faults: { rate: 0.25, "a/b": "x" },
  name: "abc",
  level: 2,
  api_key_ref: "env:KEY",
  anything: { deep: [1, null] }
}

it("a list of objects is typed as JSON, with an example of what belongs there", () => {
  const items = {
    type: "object",
    required: ["worker_id"],
    properties: { worker_id: { type: "string" }, end: { enum: ["a"] } }
  }
  const [field] = fieldsOf({ type: "object", properties: { workers: { type: "array", items } } }, "", [])
  assert.deepInclude(field, { kind: "json", placeholder: '[{"worker_id":"…"}]' })
})

it("a value survives the way into the form and back", () => {
  assert.deepStrictEqual(valueOf(fields, textsOf(fields, value)), value)
})

it("what is not set is not sent", () => {
  assert.isUndefined(valueOf(fields, {}))
  assert.isUndefined(valueOf(fields, { "/options/tags": " \n ", "/options/faults/rate": "" }))
  assert.deepStrictEqual(valueOf(fields, { "/options/verbose": "false" }), { verbose: false })
})

it("faults are told at their pointer", () => {
  const faults = faultsOf(fields, {
    "/options/workers": "1.5",
    "/options/latency_ms": "soon",
    "/options/faults/rate": "2",
    "/options/name": "a",
    "/options/anything": "{"
  })
  assert.deepStrictEqual(Object.fromEntries(faults), {
    "/options/workers": "not_whole",
    "/options/mode": "required",
    "/options/latency_ms": "not_number",
    "/options/faults/rate": { code: "too_large", limit: 1 },
    "/options/name": { code: "too_short", limit: 2 },
    "/options/anything": "not_json"
  })
  assert.strictEqual(faultsOf(fields, { "/options/name": "ABC" }).get("/options/name"), "pattern")
})

it("a form of what was saved has no faults", () => {
  assert.strictEqual(faultsOf(fields, textsOf(fields, value)).size, 0)
})

it("strange schemas give fewer fields, never an error", () => {
  assert.deepStrictEqual(fieldsOf(true, "", []), [])
  assert.deepStrictEqual(fieldsOf({}, "", []), [])
  assert.deepStrictEqual(fieldsOf({ $ref: "#/$defs/none" }, "", []), [])
  const loop = { type: "object", properties: { self: { $ref: "#" } } }
  assert.isAbove(fieldsOf(loop, "", []).length, 0)
  assert.strictEqual(
    faultsOf(fieldsOf({ type: "object", properties: { a: { type: "string", pattern: "(" } } }, "", []), { "/a": "x" })
      .size,
    0
  )
})
