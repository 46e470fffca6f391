/** The command line: help, wrong usage in one line, and starts that cannot be. */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestConsole } from "effect/testing"
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { run, teardown } from "../../src/app/cli/Program.ts"
import { type Backend, command, makeFolder, removeFolder, start } from "./BackendProcess.ts"
import { create, get } from "./Stranger.ts"

const folders: Array<string> = []
const folder = (): string => {
  const made = makeFolder()
  folders.push(made)
  return made
}
afterAll(() => {
  for (const made of folders) removeFolder(made)
})

interface Outcome {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** The same command without the time that a process takes to start. */
const here = Effect.fnUntraced(function* (args: ReadonlyArray<string>) {
  const before = [yield* TestConsole.logLines, yield* TestConsole.errorLines].map((lines) => lines.length)
  const exit = yield* Effect.exit(run(args))
  let code = 0
  teardown(exit, (given) => {
    code = given
  })
  const text = (lines: ReadonlyArray<unknown>, from = 0) =>
    lines
      .slice(from)
      .map((line) => `${String(line)}\n`)
      .join("")
  const outcome: Outcome = {
    code,
    stdout: text(yield* TestConsole.logLines, before[0]),
    stderr: text(yield* TestConsole.errorLines, before[1])
  }
  return outcome
})

const assertRefused = (
  { code, stderr, stdout }: Outcome,
  expected: { readonly code: number; readonly says: RegExp }
) => {
  assert.deepStrictEqual({ code, stdout }, { code: expected.code, stdout: "" }, stderr)
  assert.match(stderr, /^[^\n]+\n$/, "one line")
  assert.match(stderr, expected.says)
  assert.notMatch(stderr, /\bat .*:\d+:\d+|node_modules|Error:/)
  assert.notInclude(stderr, "\u001b")
}

/** The names below SUBCOMMANDS. */
const subcommands = (help: string): ReadonlyArray<string> =>
  (help.split(/^SUBCOMMANDS$/m)[1] ?? "").split("\n").flatMap((line) => /^ {2}([a-z][a-z-]*)/.exec(line)?.[1] ?? [])

describe("--help", () => {
  it.effect("is there for every command, on stdout alone", () => {
    const visit = (path: ReadonlyArray<string>): Effect.Effect<ReadonlyArray<string>> =>
      Effect.gen(function* () {
        const { code, stderr, stdout } = yield* here([...path, "--help"])
        assert.deepStrictEqual({ code, stderr }, { code: 0, stderr: "" }, path.join(" "))
        assert.match(stdout, /^DESCRIPTION\n {2}\S/)
        assert.include(stdout, `USAGE\n  ${["yoi-workspace", ...path].join(" ")}`)
        const below = yield* Effect.forEach(subcommands(stdout), (name) => visit([...path, name]))
        return [path.join(" "), ...below.flat()]
      })
    return Effect.gen(function* () {
      const found = yield* visit([])
      for (const name of ["serve", "config", "config default", "doctor"]) assert.include(found, name)
    })
  })

  it("of serve names its flags", async () => {
    const { code, stderr, stdout } = await command(["serve", "--help"])
    assert.deepStrictEqual({ code, stderr }, { code: 0, stderr: "" })
    assert.match(stdout, /--workspace DIR/)
    assert.match(stdout, /--listen HOST:PORT/)
  })
})

describe("wrong usage", () => {
  const rows: ReadonlyArray<readonly [args: ReadonlyArray<string>, says: RegExp]> = [
    [[], /--help/],
    [["nope"], /"nope"/],
    [["--nope"], /--nope/],
    [["config"], /--help/],
    [["config", "nope"], /"nope"/],
    [["serve", "--nope"], /--nope/],
    [["serve", "extra"], /"extra"/],
    [["serve", "--listen"], /--listen/],
    [["serve", "--workspace"], /--workspace/],
    [["serve", "--listen", "x"], /"x"/],
    [["serve", "--listen", "127.0.0.1"], /"127\.0\.0\.1"/],
    [["serve", "--listen", ":0"], /":0"/],
    [["serve", "--listen", "127.0.0.1:65536"], /65536/],
    [["serve", "--listen", "127.0.0.1:-1"], /-1/],
    [["serve", "--listen", "127.0.0.1:0x10"], /0x10/],
    [["serve", "--listen", "http://127.0.0.1:0"], /http/],
    [["serve", "--listen", "::1:0"], /::1/],
    [["serve", "--listen", "a b\nc:0"], /a b/],
    [["doctor", "--nope"], /--nope/]
  ]
  for (const [args, says] of rows) {
    it.effect(`${JSON.stringify(args)} is one line on stderr and exit 2`, () =>
      Effect.map(here(args), (outcome) => assertRefused(outcome, { code: 2, says }))
    )
  }

  it("of a real process is the same", async () => {
    assertRefused(await command([]), { code: 2, says: /--help/ })
    assertRefused(await command(["serve", "--listen", "x"]), { code: 2, says: /"x"/ })
  })
})

describe("a start that cannot be", () => {
  let first: Backend
  beforeAll(async () => {
    first = await start({ folder: folder() })
  })
  afterAll(async () => assert.strictEqual((await first.stop()).code, 0))

  it("on the port of another process is one sentence and exit 1", async () =>
    assertRefused(await command(["serve", "--workspace", folder(), "--listen", `127.0.0.1:${first.port}`]), {
      code: 1,
      says: /in use.*--listen/
    }))

  it("on the workspace of another process is one sentence and exit 1, and the first one goes on", async () => {
    assertRefused(await command(["serve", "--workspace", first.folder, "--listen", "127.0.0.1:0"]), {
      code: 1,
      says: /Another process/
    })
    await create(first.url)
  })

  for (const listen of ["0.0.0.0:0", "[::]:0", "192.0.2.1:0", "example.test:0"]) {
    it.effect(`on ${listen} without an access token is refused`, () =>
      Effect.map(here(["serve", "--workspace", folder(), "--listen", listen]), (outcome) =>
        assertRefused(outcome, { code: 1, says: /access token/ })
      )
    )
  }

  it("on an address of another machine is one sentence and exit 1", async () => {
    const workspace = folder()
    mkdirSync(join(workspace, ".yoi"))
    writeFileSync(join(workspace, ".yoi/workspace-backend.local.toml"), '[server]\naccess_token_ref = "env:T"\n', {
      mode: 0o600
    })
    const ended = await command(["serve", "--workspace", workspace, "--listen", "192.0.2.1:0"], { T: "correct-horse" })
    assertRefused(ended, { code: 1, says: /not one of this machine/ })
  })

  it("with an access token that cannot be resolved is refused, and not open", async () => {
    const workspace = folder()
    mkdirSync(join(workspace, ".yoi"))
    writeFileSync(
      join(workspace, ".yoi/workspace-backend.local.toml"),
      '[server]\naccess_token_ref = "env:MISSING_ONE"\n',
      { mode: 0o600 }
    )
    assertRefused(await command(["serve", "--workspace", workspace, "--listen", "127.0.0.1:0"]), {
      code: 1,
      says: /access_token_ref/
    })
  })
})

describe("a start that is not quite right", () => {
  it("with a config file that is no TOML goes on with the built-in runtime, and says so", async () => {
    const backend = await start({ folder: folder(), config: "this is = = no TOML\n" })
    assert.match(backend.written.stderr, /^config file: error: [^\n]*Line 1, column 6[^\n]*\n$/)
    await create(backend.url)
    const { code, stdout } = await backend.stop()
    assert.deepStrictEqual([code, stdout], [0, `${backend.url}\n`])
  })

  it("with an entry that is bad goes on with the rest, and says which", async () => {
    const backend = await start({
      folder: folder(),
      config: '[[runtimes.remote]]\nid = "../x"\nendpoint = "nope"\n\n[server]\nlisten = "127.0.0.1:8787"\n'
    })
    assert.notStrictEqual(backend.written.stderr, "")
    assert.strictEqual((await get(`${backend.url}/api/runtimes`)).body.items.length, 1)
    assert.strictEqual((await backend.stop()).code, 0)
  })

  it("open to the network with a token answers its own names only", async () => {
    const backend = await start({
      folder: folder(),
      config: '[server]\naccess_token_ref = "env:T"\n',
      env: { T: "correct-horse-battery-staple" },
      listen: "0.0.0.0:0"
    })
    const url = `http://127.0.0.1:${backend.port}`
    assert.deepStrictEqual([(await get(`${url}/livez`)).status, (await get(`${url}/api/runtimes`)).status], [200, 401])
    assert.strictEqual((await backend.stop()).code, 0)
  })
})
