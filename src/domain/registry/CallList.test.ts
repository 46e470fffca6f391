import { assert, describe, it } from "@effect/vitest"
import { CallList, Listed } from "./CallList.ts"

class Named extends Listed {
  readonly name: string

  constructor(name: string) {
    super()
    this.name = name
  }
}

const namesOf = (list: CallList<Named>) => list.select(() => true).map(({ name }) => name)

const filled = () => {
  const list = new CallList<Named>()
  const calls = ["a", "b", "c"].map((name) => new Named(name))
  for (const call of calls) list.add(call)
  return { list, calls }
}

describe("CallList", () => {
  it("keeps the order in which calls began, whichever leaves", () => {
    const { calls, list } = filled()
    assert.isTrue(list.remove(calls[1]!))
    list.add(calls[1]!)
    assert.deepStrictEqual(namesOf(list), ["a", "c", "b"])
    assert.strictEqual(list.first?.name, "a")
  })

  it("is left once, and then holds nothing", () => {
    const { calls, list } = filled()
    for (const call of calls) assert.isTrue(list.remove(call))
    for (const call of calls) assert.isFalse(list.remove(call))
    assert.isUndefined(list.first)
  })

  it("a call that has left holds on to no other, so that one that is collected late keeps none alive", () => {
    const { calls, list } = filled()
    list.remove(calls[1]!)
    assert.isUndefined(calls[1]!.before)
    assert.isUndefined(calls[1]!.after)
  })

  it("selects before anything is done, so that what leaves meanwhile is not lost sight of", () => {
    const { calls, list } = filled()
    for (const call of list.select(({ name }) => name !== "c")) {
      list.remove(call)
      list.remove(calls[2]!)
    }
    assert.deepStrictEqual(namesOf(list), [])
  })
})
