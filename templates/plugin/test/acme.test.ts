import assert from "node:assert/strict"
import { after, before, describe, it } from "node:test"
import { suite } from "yoi-workspace/conformance"
import { open, subject } from "yoi-workspace/plugin-testing"
import plugin from "../src/index.ts"
import stage from "./stage.ts"

suite(
  { afterAll: (end) => after(end), beforeAll: (start) => before(start), describe, it },
  "acme",
  subject(plugin, stage),
  {
    tier: "core"
  }
)

it("a session of another project is not listed", async () => {
  const staged = await stage()
  const ours = await open(plugin, staged)
  const theirs = await open(plugin, { ...staged, options: { project: "others" } })
  try {
    await theirs.create({ display_name: "Not ours" })
    assert.deepEqual((await ours.list()).items, [])
    assert.equal((await theirs.list()).items[0]?.display_name, "Not ours")
  } finally {
    await Promise.all([ours.close(), theirs.close()])
    await staged.close?.()
  }
})

it("a server that is not there is runtime_unreachable", async () => {
  const staged = await stage()
  await staged.close?.()
  const source = await open(plugin, staged)
  try {
    await assert.rejects(source.list(), { _tag: "runtime_unreachable" })
  } finally {
    await source.close()
  }
})
