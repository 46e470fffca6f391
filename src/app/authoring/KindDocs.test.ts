import { assert, it } from "@effect/vitest"
import { Schema } from "effect"
import { apiVersion, defineRuntimeSource } from "../../domain/plugin/Definition.ts"
import { ssh } from "../../plugins/ssh/index.ts"
import * as KindDocs from "./KindDocs.ts"

const kind = defineRuntimeSource({
  kind: "acme",
  apiVersion,
  label: "Acme",
  description: "Sessions of an Acme server.",
  endpoint: "required",
  options: Schema.Struct({
    team: Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(40)).annotate({
      description: "Whose sessions | which."
    }),
    size: Schema.optionalKey(Schema.Literals(["small", "large"])),
    tags: Schema.optionalKey(Schema.Array(Schema.String)),
    key_ref: Schema.optionalKey(Schema.String.annotate({ description: "Its key." }))
  }),
  secretFields: ["token_ref", "key_ref"],
  capabilities: { "workers.create": {}, "workers.input": {} },
  connect: () => {
    throw new Error("is not connected here")
  }
})

it("a kind's page has its options with bounds, choices and what is needed", () => {
  const page = KindDocs.of(kind)
  for (const line of [
    "## Acme (`acme`)",
    "Sessions of an Acme server.",
    "| `team` | text, 1 to 40 characters | yes | Whose sessions \\| which. |",
    '| `size` | `"small"`, `"large"` | no |  |',
    "| `tags` | list of text | no |  |",
    "| `key_ref` | reference to a secret | no | Its key. |",
    'endpoint = "https://…"',
    'token_ref = "local:…"',
    "It can do: `workers.create`, `workers.input`."
  ]) {
    assert.include(page.split("\n"), line)
  }
})

it("a kind without options, endpoint or secrets says so", () => {
  const page = KindDocs.of({ ...kind, endpoint: "none", options: Schema.Struct({}), secretFields: [] })
  assert.include(page, "It has no options.")
  assert.notInclude(page, "endpoint")
  assert.notInclude(page, "token_ref")
})

it("the product's own kinds have a meaning for every option", () => {
  const rows = KindDocs.of(ssh)
    .split("\n")
    .filter((line) => line.startsWith("| `"))
  assert.isAbove(rows.length, 5)
  for (const row of rows) assert.notMatch(row, /any value|\|\s+\|$/)
})
