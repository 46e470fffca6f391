import { assert, it } from "vitest"
import type { Connection, Kind } from "#lib/api/wire.ts"
import { copyId, differences, draftOf, optionFields, patchOf, textsOfConnection } from "./draft.ts"

const fact = { value: "unknown", since: "" } as const
const kind: Kind = {
  kind: "mock",
  label: "Mock",
  description: "",
  options_schema: { type: "object", properties: { workers: { type: "integer" }, mode: { type: "string" } } },
  secret_fields: []
}
const fields = optionFields(kind)
const saved: Connection = {
  id: "farm",
  display_name: "Farm",
  kind: "mock",
  origin: "file",
  endpoint: "http://10.0.0.5",
  token_ref: "env:FARM",
  options: { workers: 3, mode: "steady" },
  editable: true,
  deletable: true,
  credential: "resolvable",
  active: true,
  restart_required: false,
  status: "running",
  facts: { reachable: fact, authenticated: fact, compatible: fact },
  diagnostics: []
}
const opened = textsOfConnection(saved, fields)

it("a draft carries what was typed, trimmed, and nothing that was left empty", () => {
  assert.deepStrictEqual(
    draftOf("mock", { "/id": " farm ", "/endpoint": "", "/token_ref": "  ", "/options/workers": "4" }, fields),
    {
      id: "farm",
      kind: "mock",
      options: { workers: 4 }
    }
  )
})

it("a change carries only what differs; what was emptied is removed", () => {
  assert.deepStrictEqual(patchOf(saved, opened, opened, fields), {})
  assert.deepStrictEqual(
    patchOf(saved, opened, { ...opened, "/endpoint": "http://10.0.0.6", "/token_ref": "" }, fields),
    {
      endpoint: "http://10.0.0.6",
      token_ref: null
    }
  )
  assert.deepStrictEqual(patchOf(saved, opened, { ...opened, "/options/mode": "flaky" }, fields), {
    options: { workers: 3, mode: "flaky" }
  })
  assert.deepStrictEqual(patchOf(saved, opened, { ...opened, "/options/mode": "", "/options/workers": "" }, fields), {
    options: null
  })
  const more = { ...saved, options: { ...saved.options, unknown_to_the_schema: [1] } }
  assert.deepStrictEqual(patchOf(more, opened, { ...opened, "/options/mode": "" }, fields), {
    options: { unknown_to_the_schema: [1], workers: 3 }
  })
})

it("two versions are compared member by member", () => {
  assert.deepStrictEqual(
    differences({ ...opened, "/options/workers": "9" }, { ...opened, "/display_name": "Barn" }, fields),
    [
      { pointer: "/display_name", mine: "Farm", theirs: "Barn" },
      { pointer: "/options/workers", mine: "9", theirs: "3" }
    ]
  )
})

it("a copy gets an id that is free and within the grammar", () => {
  assert.strictEqual(copyId("farm", ["farm"]), "farm-copy")
  assert.strictEqual(copyId("farm", ["farm", "farm-copy"]), "farm-copy-2")
  assert.isAtMost(copyId("x".repeat(96), []).length, 96)
})
