import { assert, describe, it } from "@effect/vitest"
import * as Match from "./Match.ts"
import type { Matcher, Rules } from "./PactFile.ts"

const rules = (given: Readonly<Record<string, Matcher>>): Rules =>
  Object.fromEntries(Object.entries(given).map(([path, matcher]) => [path, { matchers: [matcher] }]))

describe("a member without a rule", () => {
  it("has to be equal", () => {
    assert.deepStrictEqual(Match.body({ code: "worker_busy" }, { code: "busy" }), [
      '$.code is "busy" and has to be "worker_busy"'
    ])
  })

  it("has to be there, and others may be there too", () => {
    assert.deepStrictEqual(Match.body({ a: 1 }, { b: 2 }), ["$.a is missing"])
    assert.deepStrictEqual(Match.body({ a: 1 }, { a: 1, b: 2 }), [])
  })

  it("that is null has to be null", () => {
    assert.deepStrictEqual(Match.body({ a: null }, { a: 0 }), ["$.a is 0 and has to be null"])
    assert.deepStrictEqual(Match.body({ a: null }, { a: null }), [])
  })

  it("that is a list has to have as many items", () => {
    assert.deepStrictEqual(Match.body({ a: [] }, { a: [1] }), ["$.a has 1 items and has to have 0"])
  })

  it("is looked at in objects only where the provider has an object", () => {
    assert.deepStrictEqual(Match.body({ worker: { id: "a" } }, { worker: "a" }), [
      '$.worker is "a" and has to be an object'
    ])
  })
})

describe("a rule", () => {
  const differs = (matcher: Matcher, expected: unknown, actual: unknown) =>
    Match.body({ it: expected }, { it: actual }, rules({ "$.it": matcher })).length > 0

  it("of a type takes any value of it and no other", () => {
    assert.isFalse(differs({ match: "type" }, "a", "b"))
    assert.isTrue(differs({ match: "type" }, "a", 1))
    assert.isTrue(differs({ match: "type" }, true, null))
    assert.isTrue(differs({ match: "type" }, {}, []))
  })

  it("of whole numbers refuses fractions and texts", () => {
    assert.isFalse(differs({ match: "integer" }, 1, 2))
    assert.isTrue(differs({ match: "integer" }, 1, 1.5))
    assert.isTrue(differs({ match: "integer" }, 1, "1"))
  })

  it("of a pattern takes only texts that match", () => {
    const words: Matcher = { match: "regex", regex: "^(idle|busy)$" }
    assert.isFalse(differs(words, "idle", "busy"))
    assert.isTrue(differs(words, "idle", "paused"))
    assert.isTrue(differs(words, "idle", null))
  })

  it("of every value takes maps of objects, whatever their keys", () => {
    const map: Matcher = { match: "eachValue" }
    assert.isFalse(differs(map, { a: {} }, { b: { c: 1 } }))
    assert.isFalse(differs(map, { a: {} }, {}))
    assert.isTrue(differs(map, { a: {} }, { b: 1 }))
    assert.isTrue(differs(map, { a: {} }, [{}]))
  })

  it("that is not known is a difference and never a pass", () => {
    assert.isTrue(differs({ match: "semver" }, "1.0.0", "1.0.0"))
  })
})

describe("a list with a rule", () => {
  const atLeastOne = rules({
    "$.workers": { match: "type", min: 1 },
    "$.workers[*].id": { match: "type" },
    "$.workers[*].len": { match: "integer" }
  })
  const expected = { workers: [{ id: "a", len: 0 }] }

  it("has every item looked at", () => {
    const actual = { workers: [{ id: "b", len: 1 }, { id: 7, len: 2 }, { id: "c" }] }
    assert.deepStrictEqual(Match.body(expected, actual, atLeastOne), [
      "$.workers[1].id is 7 and has to be a text",
      "$.workers[2].len is missing"
    ])
  })

  it("has to have its smallest number of items", () => {
    assert.deepStrictEqual(Match.body(expected, { workers: [] }, atLeastOne), [
      "$.workers has 0 items and has to have at least 1"
    ])
  })
})

it("tells no more differences than the bound", () => {
  const members = (value: string) => Object.fromEntries(Array.from({ length: 200 }, (_, at) => [`m${at}`, value]))
  assert.lengthOf(Match.body(members("a"), members("b")), Match.maxDifferences)
})

it("quotes long values in part", () => {
  const [difference = ""] = Match.body({ a: "x" }, { a: "y".repeat(10_000) })
  assert.isBelow(difference.length, 200)
})

describe("headers", () => {
  it("compare media types without their parameters", () => {
    const expected = { "Content-Type": ["application/json"] }
    assert.deepStrictEqual(Match.headers(expected, { "content-type": "application/json; charset=utf-8" }), [])
    assert.deepStrictEqual(Match.headers(expected, { "content-type": "text/html" }), [
      'the header content-type is "text/html" and has to be "application/json"'
    ])
  })

  it("that are missing are named", () => {
    assert.deepStrictEqual(Match.headers({ etag: ['"1"'] }, {}), ["the header etag is missing"])
  })
})
