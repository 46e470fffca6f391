import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect } from "effect"
import { TestConsole } from "effect/testing"
import { run } from "./Program.ts"
import { parseSpan } from "./runtimePrune.ts"

const token = "canary-7d20c1"

describe("runtime serve", () => {
  it.effect.each([
    ["an unknown flag", ["--nope"]],
    ["an argument", ["extra"]],
    ["a store that is none", ["--store", "banana"]],
    ["an address that is none", ["--bind", "here"]],
    ["a port that is none", ["--bind=127.0.0.1:70000"]],
    ["a store without its folder", ["--store", "fs"]],
    ["a store with an empty folder", ["--store", "fs", "--fs-root", ""]],
    ["a folder without its store", ["--fs-root", "x"]],
    ["an id that is none", ["--runtime-id", "a b"]],
    ["a name that hides something", ["--display-name", "a\u202eb"]],
    ["a page of nothing", ["--max-transcript-projection-items", "0"]],
    ["a page that is too long", ["--max-transcript-projection-items=257"]],
    ["an open address without a token", ["--bind", "0.0.0.0:0"]],
    ["an open address of the other family without a token", ["--bind", "[::]:0"]],
    ["a name without a token", ["--bind", "example.invalid:0"]],
    ["a raw token", ["--token", token]],
    ["a raw token in one word", [`--token=${token}`]],
    ["a raw token of the first clients", ["--local-token", token]],
    ["a raw token as a reference", ["--token-ref", token]],
    ["a raw token after good flags", ["--store=memory", "--bind", "127.0.0.1:0", `--token=${token}`]]
  ] as const)("refuses %s with one line that repeats no secret", ([, args]) =>
    Effect.gen(function* () {
      yield* Effect.flip(run(["runtime", "serve", ...args]))
      const said = yield* TestConsole.errorLines
      assert.strictEqual(said.length, 1)
      assert.notInclude(String(said[0]), "\n")
      assert.notInclude(String(said[0]), token)
      assert.deepStrictEqual(yield* TestConsole.logLines, [])
    })
  )
})

describe("a span", () => {
  it.each([
    ["90s", 90_000],
    ["30m", 1_800_000],
    ["12h", 43_200_000],
    ["7d", 604_800_000],
    ["0s", 0]
  ])("%s is %i ms", (text, ms) => {
    const span = parseSpan(text)
    assert.strictEqual(span === undefined ? undefined : Duration.toMillis(span), ms)
  })

  it.each(["", "7", "d", "-1d", "1.5h", "1w", "7 d", "1000000000d"])("is not seen in %s", (text) =>
    assert.isUndefined(parseSpan(text))
  )
})
