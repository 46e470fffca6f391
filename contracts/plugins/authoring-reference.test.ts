/** The reference of the plugin API is the docstrings as they are now. */
import { fileURLToPath } from "node:url"
import { assert, it } from "vitest"
import * as OutOfTree from "./OutOfTree.ts"

const root = fileURLToPath(new URL("../..", import.meta.url))

it("docs/plugin-api.md is what npm run plugin-api:write makes of the sources", async () => {
  const { code, stderr } = await OutOfTree.run(root, process.execPath, ["scripts/plugin-api.ts", "--check"])
  assert.strictEqual(stderr, "")
  assert.strictEqual(code, 0)
})
