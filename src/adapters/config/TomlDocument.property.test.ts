import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Result, Schema } from "effect"
import { parse as parseToml } from "toml"
import { add, remove, update } from "./textEdits.fixture.ts"
import { equals, table, type TomlTable, type TomlValue, type Writable } from "./TomlValue.ts"

const CASES = 1000
const path = ["runtimes", "remote"]

/** Choices that drive a generator; a shorter tape is a simpler case, so shrinking shortens it. */
const Tape = Arbitrary.array(Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1_000_000 }))), {
  minLength: 1,
  maxLength: 160
})
const reader = (tape: ReadonlyArray<number>) => {
  let at = 0
  const next = () => tape[at++ % tape.length]! + Math.floor(at / tape.length)
  return {
    pick: <A>(options: ReadonlyArray<A>): A => options[next() % options.length]!,
    below: (limit: number) => next() % limit
  }
}
type Reader = ReturnType<typeof reader>

const strings = [
  "",
  "plain",
  'q"uo\\te',
  "line\nbreak",
  "日本 🙂",
  "[[runtimes.remote]]",
  "# no comment",
  "\u0001\u007f",
  "'''",
  '"""',
  "\u2028"
]
const keys = ["endpoint", "display_name", "token_ref", "options", "a b", "__proto__", "x.y", "ключ"]

const writable = (tape: Reader): Writable =>
  tape.pick<() => Writable>([
    () => tape.pick(strings),
    () => tape.pick([0, -1, 42, 1.5, -0, 1e21, 2 ** 53, 1e-7]),
    () => tape.pick([true, false]),
    () => [tape.pick(strings), 1, { nested: [tape.pick(strings)] }],
    () => ({ region: tape.pick(strings), deep: { n: tape.below(9) }, empty: {}, none: [] })
  ])()

/** What `toml` reads back for a written value. */
const readBack = (value: Writable): TomlValue => {
  if (typeof value === "number") return Number.isSafeInteger(value) && !Object.is(value, -0) ? BigInt(value) : value
  if (Array.isArray(value)) return value.map(readBack)
  if (typeof value === "object" && value !== null)
    return table(Object.entries(value).map(([k, v]) => [k, readBack(v)] as const))
  return value as TomlValue
}

const foreign = (tape: Reader, n: number): string =>
  tape.pick([
    `[other${n}]`,
    `[other${n}] # trailing\nx = 1\n# below a key\ny = 1979-05-27T07:32:00Z`,
    `[ "other${n}" . 'q' ]\n\ttext = """\n[[runtimes.remote]]\n\n# not a comment\n"""\n\tlit = '''\n[[x]]'''`,
    `# directly above\n[[list${n}]]\nv = [ 1, # one\n  2,\n]\n[[list${n}]]\nv = { a = 1, b = [ "]" ] }`,
    `[other${n}.deep.er]\n"quoted key" = 0x1F\ndotted.key.x = inf`,
    `[runtimes.local${n}]\nid = "not mine"`,
    `[[runtimes.source]]\nkind = "mock"`,
    `# free comment ${n}`,
    `# free one ${n}\n\n# free two ${n}`
  ])

const isComment = (text: string) => text.split("\n").every((line) => line === "" || line.startsWith("#"))

const entry = (tape: Reader, n: number): string => {
  const header = tape.pick([
    "[[runtimes.remote]]",
    "[[ runtimes . remote ]]",
    `[["runtimes".'remote']] # header`,
    "  [[runtimes.remote]]"
  ])
  const above = tape.pick(["", `# about ${n}\n`, `# about ${n}\n  # in two lines\n`])
  const keys = tape.pick([
    "",
    `\n# between\n  endpoint   =  'http://127.0.0.1:${n}'   # beside`,
    `\nendpoint = "http://x"\n\n"display_name" = """\n[y]\n"""`
  ])
  const options = tape.pick(["", `\noptions.a = 1\noptions.b.c = 2`, `\noptions = { a = 1 }`])
  const below = tape.pick(["", '\n# token_ref = "env:X"'])
  const sub =
    options === ""
      ? tape.pick([
          "",
          `\n\n[runtimes.remote.options]\na = 1\n\n# of sub\n[runtimes.remote.options.b]`,
          `\n[[runtimes.remote.many]]\nz = 1\n[[runtimes.remote.many]]`
        ])
      : ""
  return `${above}${header}\nid = "e${n}"${keys}${options}${below}${sub}`
}

interface Generated {
  readonly text: string
  /** Text that belongs to no entry, in file order. */
  readonly foreign: ReadonlyArray<string>
}

const generate = (tape: Reader): Generated => {
  const pieces: Array<{ readonly text: string; readonly mine: boolean }> = []
  const gaps: Array<string> = []
  const push = (text: string, mine: boolean, touching: boolean) => {
    // A free comment owns its surroundings only when a blank line sets it apart.
    const apart = touching || isComment(text) || isComment(pieces.at(-1)?.text ?? "")
    if (pieces.length > 0) gaps.push("\n" + "\n".repeat(Math.max(apart ? 1 : 0, tape.below(3))))
    pieces.push({ text, mine })
  }
  if (tape.below(2) === 0) push("# The file's own comment.", false, true)
  if (tape.below(2) === 0)
    push(`top = 1 # kept\n"runtimes-not".x = [\n  "[[runtimes.remote]]", # inside\n]`, false, true)
  const count = tape.below(7)
  for (let n = 0; n < count; n++) {
    const mine = tape.below(2) === 0
    const text = mine ? entry(tape, n) : foreign(tape, n)
    push(text, mine, text.startsWith("#"))
    if (mine && tape.below(6) === 0) {
      push(`[apart${n}]\nx = 1`, false, true)
      push(`[runtimes.remote.apart]\nfar = true`, true, true)
    }
  }
  const eol = tape.pick(["\n", "\r\n"])
  const end = pieces.length === 0 ? tape.pick(["", "\n", "\n\n"]) : tape.pick(["", "\n", "\n\n\n"])
  const text = pieces.map((piece, index) => piece.text + (gaps[index] ?? "")).join("") + end
  const convert = (text: string) => text.replaceAll("\n", eol)
  return {
    text: tape.pick(["", "\uFEFF"]) + convert(text),
    foreign: pieces.filter((piece) => !piece.mine).map((piece) => convert(piece.text))
  }
}

const meaning = (text: string): TomlTable => parseToml(text, { bigint: true })
const itemsOf = (model: TomlTable): ReadonlyArray<TomlTable> =>
  ((model.runtimes as TomlTable | undefined)?.remote as Array<TomlTable>) ?? []
const without = (model: TomlTable): TomlTable => {
  const { remote: _, ...others } = { ...(model.runtimes as TomlTable | undefined) }
  const rest = Object.entries(model).filter(([name]) => name !== "runtimes")
  return table(Object.keys(others).length === 0 ? rest : [...rest, ["runtimes", table(Object.entries(others))]])
}

const assertForeignKept = (generated: Generated, text: string) => {
  let at = 0
  for (const piece of generated.foreign) {
    const found = text.indexOf(piece, at)
    assert.isAtLeast(found, 0, `lost: ${piece}\nin: ${text}`)
    at = found + piece.length
  }
}

const successful = (result: Result.Result<string, unknown>) => Result.getOrThrow(result)

describe("TomlDocument, over generated files", () => {
  it.prop(
    "any sequence of edits yields the model's meaning, and every other line survives in its place",
    [Tape],
    ([numbers]) => {
      const tape = reader(numbers)
      const generated = generate(tape)
      const others = without(meaning(generated.text))
      let text = generated.text
      let model = itemsOf(meaning(text))
      const steps = 1 + tape.below(6)
      for (let step = 0; step < steps; step++) {
        const index = model.length === 0 ? 0 : tape.below(model.length)
        const kind = model.length === 0 ? "add" : tape.pick(["add", "remove", "set", "unset"])
        const key = tape.pick(keys)
        const before = text
        if (kind === "add") {
          const values = Object.fromEntries([
            ["id", `new${step}`],
            ["endpoint", tape.pick(strings)],
            ["extra", writable(tape)]
          ]) as { [key: string]: Writable }
          text = successful(add(text, path, values))
          model = model.concat(readBack(values) as TomlTable)
          assert.strictEqual(successful(remove(text, path, model.length - 1)), before)
        } else if (kind === "remove") {
          text = successful(remove(text, path, index))
          model = model.toSpliced(index, 1)
        } else if (kind === "set") {
          const value = writable(tape)
          const had = Object.hasOwn(model[index]!, key)
          text = successful(update(text, path, index, { [key]: value }))
          model = model.with(
            index,
            table([...Object.entries(model[index]!).filter(([name]) => name !== key), [key, readBack(value)]])
          )
          if (!had) assert.strictEqual(successful(update(text, path, index, { [key]: undefined })), before)
        } else {
          text = successful(update(text, path, index, { [key]: undefined }))
          model = model.with(index, table(Object.entries(model[index]!).filter(([name]) => name !== key)))
        }
        const after = meaning(text)
        assert.isTrue(equals(itemsOf(after), model), `${kind} ${key} ${index}\n${before}\n--->\n${text}`)
        assert.isTrue(equals(without(after), others))
        assertForeignKept(generated, text)
        assert.strictEqual(text.startsWith("\uFEFF"), before.startsWith("\uFEFF"))
        if (before.includes("\r\n")) assert.notMatch(text, /[^\r]\n/)
      }
    },
    { timeout: 60_000, arbitrary: { runs: CASES, size: 120 } }
  )

  it.prop(
    "entries added and removed in any order leave the file byte-identical",
    [Tape],
    ([numbers]) => {
      const tape = reader(numbers)
      const { text } = generate(tape)
      const before = itemsOf(meaning(text)).length
      const count = 1 + tape.below(4)
      let edited = text
      for (let n = 0; n < count; n++) edited = successful(add(edited, path, { id: `new${n}`, value: writable(tape) }))
      for (let left = count; left > 0; left--) edited = successful(remove(edited, path, before + tape.below(left)))
      assert.strictEqual(edited, text)
    },
    { timeout: 60_000, arbitrary: { runs: CASES, size: 120 } }
  )

  it.prop(
    "arbitrary text is parsed or refused, and never damaged by an edit",
    [Tape],
    ([numbers]) => {
      const tape = reader(numbers)
      const { text } = generate(tape)
      const at = tape.below(text.length + 1)
      const junk = tape.pick([
        "[",
        "]]",
        '"',
        '"""',
        "'",
        "#",
        "=",
        "\n",
        "\r",
        "\u0000",
        "{",
        ",",
        ".",
        "\\",
        "[[runtimes.remote]]\n",
        "[runtimes.remote]\n",
        "runtimes = 1\n"
      ])
      const broken = text.slice(0, at) + junk + text.slice(at + tape.below(3))
      const result = add(broken, path, { id: "x" })
      if (Result.isFailure(result)) return
      const before = itemsOf(meaning(broken))
      assert.isTrue(equals(itemsOf(meaning(result.success)), [...before, table([["id", "x"]])]))
      assert.isTrue(equals(without(meaning(result.success)), without(meaning(broken))))
      assert.strictEqual(successful(remove(result.success, path, before.length)), broken)
    },
    { timeout: 60_000, arbitrary: { runs: CASES, size: 120 } }
  )
})
