import { assert, it } from "vitest"
import { errorsByField, faultText, placedErrorText } from "./fault.ts"
import { type Fault, faultsOf } from "./faults.ts"
import { fieldsOf } from "./schema.ts"
import { places, leaves, textsOf, valueOf } from "./texts.ts"
import { en } from "#lib/i18n/en.ts"

/** What a kind that starts a program could ask for. */
const schema = {
  type: "object",
  required: ["command", "detached", "limits"],
  $defs: {
    Positive: { type: "number", exclusiveMinimum: 0, exclusiveMaximum: 10, multipleOf: 0.1 },
    Named: { properties: { label: { type: "string" } }, required: ["label"] }
  },
  properties: {
    command: { type: "array", items: { type: "string", minLength: 2 }, minItems: 1, maxItems: 3 },
    ports: { type: "array", items: { type: "integer", minimum: 1, maximum: 65_535 }, uniqueItems: true },
    signals: { type: "array", items: { type: "string", enum: ["hup", "int", "term"] }, maxItems: 2 },
    env: { type: "object", additionalProperties: { type: "string", maxLength: 20 } },
    secrets: { type: "object", additionalProperties: { type: "string" } },
    login_ref: { type: "string", maxLength: 1_024 },
    notes: { type: "string", maxLength: 1_024 },
    key_refs: { type: "array", items: { type: "string" } },
    weights: { type: "object", additionalProperties: { type: "number" } },
    rate: { $ref: "#/$defs/Positive" },
    detached: { type: "boolean" },
    level: {
      oneOf: [
        { const: "low", title: "Hardly anything" },
        { const: "high", title: "Everything" }
      ],
      default: "low"
    },
    strict: { enum: [true, false] },
    limits: { type: "object", properties: { memory: { type: "integer" } } },
    proxy: {
      type: "object",
      required: ["host"],
      properties: { host: { type: "string" }, port: { type: "integer" } }
    },
    storage: {
      title: "Storage",
      anyOf: [
        {
          type: "object",
          required: ["type", "path"],
          properties: { type: { type: "string", enum: ["disk"] }, path: { type: "string" } }
        },
        {
          type: "object",
          title: "Object store",
          required: ["type", "bucket"],
          properties: { type: { const: "s3" }, bucket: { type: "string", maxLength: 3 }, path: { type: "string" } }
        }
      ]
    },
    either: { anyOf: [{ type: "object", properties: { a: { type: "string" } } }, { type: "string" }] },
    login: {
      allOf: [
        { $ref: "#/$defs/Named" },
        { type: "object", properties: { user: { type: "string" } }, required: ["user"] }
      ]
    }
  }
}
const fields = fieldsOf(schema, "/options", ["secrets", "key_refs", "login_ref", "token_ref"])
const one = (pointer: string) => leaves(fields).find((field) => field.pointer === pointer)
const needed = { "/options/command": "run" }
const faults = (texts: Record<string, string>) => Object.fromEntries(faultsOf(fields, { ...needed, ...texts }))

it("lists, maps, sets of choices and named constants have fields of their own", () => {
  assert.deepInclude(one("/options/command"), { kind: "list", least: 1, most: 3, required: true })
  assert.deepInclude(one("/options/ports"), { kind: "list", unique: true })
  assert.deepInclude(one("/options/signals"), { kind: "many", most: 2 })
  assert.deepInclude(one("/options/env"), { kind: "map" })
  assert.deepInclude(one("/options/level"), {
    kind: "choice",
    initially: "Hardly anything",
    choices: [
      { value: '"low"', text: "Hardly anything" },
      { value: '"high"', text: "Everything" }
    ]
  })
  assert.deepInclude(one("/options/notes"), { kind: "text", long: true })
  assert.deepInclude(one("/options/login_ref"), { kind: "text", long: false, secret: true })
  assert.deepInclude(one("/options/strict"), { kind: "choice" })
  assert.deepInclude(one("/options/login/label"), { kind: "text", required: true })
  assert.deepInclude(one("/options/login/user"), { kind: "text", required: true })
})

const value = {
  command: ["run", "--fast"],
  ports: [80, 443],
  signals: ["int", "term"],
  env: { LANG: "C", PAIR: "a=b" },
  secrets: { KEY: "env:KEY" },
  weights: { one: 0.5 },
  rate: 0.3,
  detached: false,
  level: "high",
  strict: false,
  limits: {},
  proxy: { host: "p" }
}

it("a value survives the way into the form and back, and has no faults", () => {
  const texts = textsOf(fields, value)
  assert.strictEqual(texts["/options/env"], "LANG = C\nPAIR = a=b")
  assert.deepStrictEqual(valueOf(fields, texts), value)
  assert.deepStrictEqual(Object.fromEntries(faultsOf(fields, texts)), {})
})

it("what lines cannot carry is kept as JSON rather than changed in silence", () => {
  const awkward = {
    ...value,
    command: ["sh", "line\nbreak", " space "],
    env: { "A=B": "x", EMPTY: "", DEEP: { a: 1 } },
    ports: ["80"]
  }
  assert.deepStrictEqual(valueOf(fields, textsOf(fields, awkward)), awkward)
})

it("what must be there is sent even when nothing is chosen, what may be left out is not missed in its parts", () => {
  assert.deepStrictEqual(valueOf(fields, needed), { command: ["run"], detached: false, limits: {} })
  assert.deepStrictEqual(faults({}), {})
  assert.deepStrictEqual(faults({ "/options/proxy/port": "1" }), { "/options/proxy/host": "required" })
})

it("a fault in one line of several says which", () => {
  assert.deepStrictEqual(faults({ "/options/command": "run\n\nx" }), {
    "/options/command": { code: "line", line: 2, fault: { code: "too_short", limit: 2 } }
  })
  assert.deepStrictEqual(faults({ "/options/ports": "80\n81\n80" })["/options/ports"], {
    code: "line",
    line: 3,
    fault: "twice"
  })
  assert.deepStrictEqual(faults({ "/options/ports": "80\nhttp" })["/options/ports"], {
    code: "line",
    line: 2,
    fault: "not_number"
  })
  assert.deepStrictEqual(faults({ "/options/env": "A = 1\nB" })["/options/env"], {
    code: "line",
    line: 2,
    fault: "not_pair"
  })
  assert.deepStrictEqual(faults({ "/options/env": "A = 1\nA = 2" })["/options/env"], {
    code: "line",
    line: 2,
    fault: "twice"
  })
  assert.deepStrictEqual(faults({ "/options/command": "aa\nbb\ncc\ndd" })["/options/command"], {
    code: "too_many",
    limit: 3
  })
  assert.deepStrictEqual(faults({ "/options/signals": '["hup","int","term"]' })["/options/signals"], {
    code: "too_many",
    limit: 2
  })
})

it("of several shapes one is chosen, and only its own members are asked for and sent", () => {
  const disk = { command: ["run"], detached: true, limits: {}, storage: { type: "disk", path: "/data" } }
  assert.deepStrictEqual(valueOf(fields, textsOf(fields, disk)), disk)
  assert.deepInclude(one("/options/storage/type"), {
    kind: "choice",
    required: false,
    choices: [
      { value: '"disk"', text: "disk" },
      { value: '"s3"', text: "Object store" }
    ]
  })
  assert.deepInclude(one("/options/either"), { kind: "json" })
  assert.strictEqual(leaves(fields).filter(({ pointer }) => pointer === "/options/storage/path").length, 1)
  assert.include(places(fields), "/options/storage")
  const s3 = { "/options/storage/type": '"s3"', "/options/storage/path": "x", "/options/storage/bucket": "long" }
  assert.deepStrictEqual(faults({ "/options/storage/type": '"s3"' }), { "/options/storage/bucket": "required" })
  assert.deepStrictEqual(faults(s3), { "/options/storage/bucket": { code: "too_long", limit: 3 } })
  assert.deepStrictEqual(valueOf(fields, { ...needed, ...s3 })?.["storage"], { type: "s3", bucket: "long", path: "x" })
  // Nothing chosen, nothing sent.
  assert.isUndefined(valueOf(fields, { ...needed, "/options/storage/path": "x" })?.["storage"])
})

it("bounds of numbers hold as the schema writes them", () => {
  const of = (typed: string) => faults({ "/options/rate": typed })["/options/rate"]
  assert.deepStrictEqual(of("0"), { code: "not_above", limit: 0 })
  assert.deepStrictEqual(of("10"), { code: "not_below", limit: 10 })
  assert.deepStrictEqual(of("0.25"), { code: "not_step", limit: 0.1 })
  assert.isUndefined(of("0.3"))
})

it("where a secret is named nothing but a reference is taken, also inside of a list or a map", () => {
  const refused: Fault = { code: "line", line: 1, fault: "not_reference" }
  assert.deepStrictEqual(faults({ "/options/secrets": "KEY = hunter2" })["/options/secrets"], refused)
  assert.deepStrictEqual(faults({ "/options/key_refs": "hunter2" })["/options/key_refs"], refused)
  assert.deepStrictEqual(faults({ "/options/secrets": "KEY = local:key" }), {})
})

it("an error of the backend finds the innermost field, and says which of its lines it is about", () => {
  const error = (pointer: string) => ({ pointer, code: "invalid" })
  const { at, elsewhere } = errorsByField(
    [error("/options/proxy/host"), error("/options/limits"), error("/options/command/1"), error("/elsewhere")],
    places(fields)
  )
  assert.deepStrictEqual([...at.keys()], ["/options/proxy/host", "/options/limits", "/options/command"])
  assert.strictEqual(elsewhere.length, 1)
  const t = en.connectionForm
  assert.strictEqual(placedErrorText(error("/options/command/1"), "/options/command", t), "Line 2: This is not valid.")
  assert.strictEqual(placedErrorText(error("/options/env/A~1B"), "/options/env", t), "A/B: This is not valid.")
  assert.strictEqual(placedErrorText(error("/options/env"), "/options/env", t), "This is not valid.")
  assert.strictEqual(faultText({ code: "line", line: 3, fault: "twice" }, t), "Line 3: This is there twice.")
})
