import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import { add, remove, update } from "./textEdits.fixture.ts"
import * as TomlBounds from "./TomlBounds.ts"
import * as TomlDocument from "./TomlDocument.ts"

const remote = ["runtimes", "remote"]
const ok = <A, E>(result: Result.Result<A, E>): A => Result.getOrThrow(result)
const refused = <A, E>(result: Result.Result<A, E>): E => ok(Result.flip(result))

const added = (text: string) => ok(add(text, remote, { id: "new", endpoint: "http://127.0.0.1:1" }))
const items = (text: string) => ok(ok(TomlDocument.parse(text)).entries(remote)).items

const two = `# The file's own comment.

[server]
listen = "127.0.0.1:8787" # kept

# About a.
[[runtimes.remote]]
id = "a"
endpoint   =   "http://127.0.0.1:1"  # aligned
# token_ref = "env:A"

[runtimes.remote.options]
deep = { x = 1 }

[[ runtimes . "remote" ]]
  id = "b"
  endpoint = 'http://127.0.0.1:2'

# About other.
[other]
text = """
[[runtimes.remote]]
# not a comment
"""
`

describe("TomlDocument", () => {
  it("adding and removing an entry leaves every kind of file byte-identical", () => {
    const bodies = [
      "",
      "\n",
      "\n\n",
      "  ",
      "# only a comment",
      "# only a comment\n",
      "a = 1",
      "a = 1\n",
      "a = 1\n\n",
      two,
      two.trimEnd()
    ]
    const texts = bodies
      .flatMap((body) => [body, body.replaceAll("\n", "\r\n")])
      .flatMap((text) => [text, `\uFEFF${text}`])
    for (const text of texts) {
      const after = added(text)
      const index = items(after).findIndex((entry) => entry.values.id === "new")
      assert.strictEqual(ok(remove(after, remote, index)), text)
    }
  })

  it("a new entry follows the last one and uses the newline of the file", () => {
    const after = added(two.replaceAll("\n", "\r\n"))
    assert.include(
      after,
      `:2'\r\n\r\n[[runtimes.remote]]\r\nid = "new"\r\nendpoint = "http://127.0.0.1:1"\r\n\r\n# About other.`
    )
    assert.notMatch(after, /[^\r]\n/)
  })

  it("removing an entry takes its comments and sub-tables and nothing else", () => {
    const without = ok(remove(two, remote, 0))
    const from = two.indexOf("# About a.")
    const to = two.indexOf("[[ runtimes")
    assert.strictEqual(without, two.slice(0, from) + two.slice(to))
  })

  it("a sub-table that stands away from its entry goes with it", () => {
    const text = `[[runtimes.remote]]\nid = "a"\n\n[other]\nx = 1\n\n[runtimes.remote.options]\ny = 2\n\n[last]\nz = 3\n`
    assert.strictEqual(ok(remove(text, remote, 0)), `[other]\nx = 1\n\n[last]\nz = 3\n`)
  })

  it("a comment that belongs to nobody is not handed to the next entry", () => {
    const text = `# file\n\na = 1\n\n# free\n\n[[runtimes.remote]]\nid = "a"\n[[runtimes.remote]]\nid = "b"\n`
    const without = ok(remove(ok(remove(text, remote, 0)), remote, 0))
    assert.strictEqual(without, "# file\n\na = 1\n\n# free\n")
    const first = `[[runtimes.remote]]\nid = "a"\n\n# about b\n[[runtimes.remote]]\nid = "b"\n`
    assert.strictEqual(ok(remove(ok(remove(first, remote, 0)), remote, 0)), "")
    assert.strictEqual(ok(remove(`\n# about a\n[[runtimes.remote]]\nid = "a"\n`, remote, 0)), "")
  })

  it("an update touches the value and not the spacing or the comment beside it", () => {
    const after = ok(update(two, remote, 0, { endpoint: "http://127.0.0.1:9" }))
    assert.strictEqual(after, two.replace('"http://127.0.0.1:1"', '"http://127.0.0.1:9"'))
  })

  it("a value that ends the file without a newline is replaced whole", () => {
    for (const value of ["0", "+0", "0.0", "true", "''", "[]", "{}", "07:32:00"]) {
      const text = `[[runtimes.remote]]\nid = ${value}`
      const after = ok(update(text, remote, 0, { id: "a" }))
      assert.strictEqual(after, `[[runtimes.remote]]\nid = "a"`)
    }
  })

  it("an update with the values that stand there already changes no byte", () => {
    const values = { id: "b", endpoint: "http://127.0.0.1:2" }
    assert.strictEqual(ok(update(two, remote, 1, values)), two)
    assert.strictEqual(ok(update(two, remote, 0, { options: { deep: { x: 1 } } })), two)
  })

  it("a new key takes the indent of its neighbours, and removing it leaves no trace", () => {
    const after = ok(update(two, remote, 1, { display_name: "B" }))
    assert.include(after, `:2'\n  display_name = "B"\n`)
    assert.strictEqual(ok(update(after, remote, 1, { display_name: undefined })), two)
  })

  it("a key written as sub-table or dotted is replaced by one value", () => {
    const after = ok(update(two, remote, 0, { options: { deep: { x: 2 } } }))
    assert.notInclude(after, "[runtimes.remote.options]")
    assert.include(after, "options = { deep = { x = 2 } }")
    const dotted = `[[runtimes.remote]]\nid = "a"\noptions.x = 1\noptions.y = 2\n`
    assert.strictEqual(
      ok(update(dotted, remote, 0, { options: { x: 3 } })),
      `[[runtimes.remote]]\nid = "a"\noptions = { x = 3 }\n`
    )
  })

  it("texts that try to leave their quotes are read back as they were given", () => {
    for (const display_name of [
      '"\n[[runtimes.remote]]\nid = "x"',
      "\\",
      '\\"',
      "\u0000\u001f\u007f",
      "\u2028\u202e",
      "'''",
      "日本 🙂",
      "#"
    ]) {
      const after = ok(add(two, remote, { id: "x", display_name }))
      const entries = items(after)
      assert.strictEqual(entries.length, 3)
      assert.strictEqual(entries[2]?.values.display_name, display_name)
      assert.strictEqual(ok(remove(after, remote, 2)), two)
    }
  })

  it("keys that name prototype members are keys", () => {
    const values = JSON.parse('{"id":"x","__proto__":"p","constructor":{"__proto__":1},"a b":"c"}')
    const after = ok(add(two, remote, values))
    assert.strictEqual(items(after)[2]?.values["__proto__"], "p")
    assert.strictEqual(({} as Record<string, unknown>)["p"], undefined)
    assert.strictEqual(items("[__proto__]\nremote = 1\n").length, 0)
    assert.strictEqual(ok(ok(TomlDocument.parse("a = 1")).entries(["__proto__", "remote"])).items.length, 0)
  })

  it("what TOML cannot hold is refused", () => {
    for (const value of [null, Number.NaN, Number.POSITIVE_INFINITY, "\ud800", "x".repeat(20_000), { a: [null] }]) {
      assert.strictEqual(refused(add(two, remote, { id: "x", value })).reason, "unencodable")
    }
  })

  it("lines are told for entries and keys, in every form", () => {
    const entry = items(two)[0]
    assert.strictEqual(entry?.line, 7)
    assert.deepStrictEqual(
      ["id", "endpoint", "options", "absent"].map((key) => entry?.lineOf(key)),
      [8, 9, 12, 7]
    )
    for (const text of [
      `\n\nruntimes.remote = [{id = "a"}]`,
      `\n[runtimes]\nremote = [{id = "a"}]`,
      `\n\nruntimes = { remote = [ { "id" = "a" } ] }`,
      `\n\n"runtimes".'remote' = [ { id = "a" } ]`
    ]) {
      const entry = items(text)[0]
      assert.strictEqual(entry?.values.id, "a")
      assert.strictEqual(entry?.lineOf("id"), 3)
    }
  })

  it("an array written as a value, and a table in its place, are refused with a sentence", () => {
    for (const text of [
      `runtimes.remote = [{id = "a"}]`,
      `"runtimes" . 'remote' = []`,
      `[runtimes]\nremote = [{id = "a"}]`,
      `[runtimes]\nremote = []`,
      `runtimes = { remote = [ { id = "a" } ] }`,
      `[runtimes.remote]\nid = "a"`,
      `[[runtimes]]\n[[runtimes.remote]]\nid = "a"`,
      `runtimes = 1`,
      `runtimes.remote = [1]`
    ]) {
      const error = refused(add(text, remote, { id: "x" }))
      assert.strictEqual(error.reason, "unsupported_form", text)
      assert.match(error.sentence, /runtimes/)
    }
    assert.strictEqual(refused(add(`runtimes = {}`, remote, { id: "x" })).reason, "not_preserved")
    assert.strictEqual(items(ok(add(`runtimes.other = 1`, remote, { id: "x" }))).length, 1)
    assert.strictEqual(items(ok(add(`[runtimes]\nother = 1`, remote, { id: "x" }))).length, 1)
  })

  it("an entry that is not there is refused", () => {
    assert.strictEqual(refused(remove(two, remote, 2)).reason, "no_such_entry")
    assert.strictEqual(refused(update(two, remote, -1, {})).reason, "no_such_entry")
  })

  it("a text that is not TOML is refused with a position and without its content", () => {
    for (const [text, line] of [
      [`a = 1\ntoken = "hunter2`, 2],
      [`hunter2 = 1\nhunter2 = 2`, 2],
      [`a = 1\n= hunter2`, 2],
      [`a = 99999999999999999999`, 1],
      [`a = 1\r[hunter2]`, 1],
      [`[a]\n[a]`, 2],
      [`r = []\n[[r]]`, 2],
      [`\n\na = "\\q hunter2"`, 3]
    ] as const) {
      const error = refused(TomlDocument.parse(text))
      assert.strictEqual(error.reason, "not_toml", text)
      assert.strictEqual(error.line, line, text)
      assert.notInclude(error.message, "hunter2")
    }
  })

  it("a text at a bound is read and one beyond it is refused before a parser sees it", () => {
    const nested = (depth: number) => `a = ${"[".repeat(depth)}${"]".repeat(depth)}`
    const dotted = (segments: number) => `${Array.from({ length: segments }, () => "a").join(".")} = 1`
    const reason = (text: string) =>
      Result.match(TomlDocument.parse(text), { onSuccess: () => "read", onFailure: (e) => e.reason })
    assert.strictEqual(reason(nested(TomlBounds.MAX_DEPTH)), "read")
    assert.strictEqual(reason(nested(TomlBounds.MAX_DEPTH + 1)), "too_deep")
    assert.strictEqual(reason(dotted(TomlBounds.MAX_DEPTH)), "read")
    assert.strictEqual(reason(dotted(TomlBounds.MAX_DEPTH + 1)), "too_deep")
    assert.strictEqual(reason(`[${dotted(TomlBounds.MAX_DEPTH + 1).slice(0, -4)}]`), "too_deep")
    assert.strictEqual(reason(`a = "${"x".repeat(TomlBounds.MAX_TOKEN_CHARACTERS - 2)}"`), "read")
    assert.strictEqual(reason(`a = "${"x".repeat(TomlBounds.MAX_TOKEN_CHARACTERS - 1)}"`), "value_too_long")
    assert.strictEqual(reason(`a = ${"1".repeat(TomlBounds.MAX_TOKEN_CHARACTERS + 1)}`), "value_too_long")
    const filler = `# ${"x".repeat(1021)}\n`
    assert.strictEqual(reason(filler.repeat(TomlBounds.MAX_FILE_BYTES / 1024)), "read")
    assert.strictEqual(reason(`${filler.repeat(TomlBounds.MAX_FILE_BYTES / 1024)}#`), "too_large")
    assert.strictEqual(reason("[".repeat(TomlBounds.MAX_FILE_BYTES)), "too_deep")
    assert.strictEqual(reason("a = " + "{a=".repeat(300_000)), "too_deep")
  })

  it("brackets, dots and hashes inside strings count for nothing", () => {
    const text = `a = "[[[${"[".repeat(100)}#"\nb = """\n${"{".repeat(100)}"\\"""\n"""""\nc = '''${".".repeat(100)}'''''\nd = 1 # ${"[".repeat(100)}\n`
    assert.isTrue(Result.isSuccess(TomlDocument.parse(text)))
  })

  it("no more than the bounded number of entries", () => {
    const text = Array.from({ length: 1000 }, (_, index) => `[[runtimes.remote]]\nid = "r${index}"\n`).join("\n")
    assert.strictEqual(items(text).length, 1000)
    assert.strictEqual(refused(add(text, remote, { id: "x" })).reason, "too_many_entries")
    assert.strictEqual(refused(remove(`${text}[[runtimes.remote]]\n`, remote, 0)).reason, "too_many_entries")
  })
})
