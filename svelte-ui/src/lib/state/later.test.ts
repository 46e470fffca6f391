import { assert, it } from "vitest"
import { Later } from "./later.svelte.ts"

const settled = () => new Promise((resolve) => setTimeout(resolve, 0))

it("a part is asked for once, however often it is wanted", async () => {
  let asked = 0
  const part = new Later(() => Promise.resolve(++asked))
  assert.isUndefined(part.value)
  part.want()
  part.want()
  await settled()
  part.want()
  await settled()
  assert.strictEqual(part.value, 1)
  assert.isFalse(part.failed)
})

it("one that does not come says so, and nothing is thrown", async () => {
  const part = new Later(() => Promise.reject(new Error("gone")))
  part.want()
  assert.isFalse(part.failed)
  await settled()
  part.want()
  await settled()
  assert.isTrue(part.failed)
  assert.isUndefined(part.value)
})
