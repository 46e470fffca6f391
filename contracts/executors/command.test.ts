/** Programs as workers: what they say, how they end, and what contains those that misbehave. Real processes, so real time. */
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Scope } from "effect"
import {
  eventually,
  isRunning,
  named,
  processesWith,
  runtimeWith,
  scripted,
  secret,
  spoken,
  turn,
  worker,
  world
} from "./ExecutorWorld.ts"

const shout = `process.stdin.on("data", (d) => process.stdout.write(String(d).toUpperCase()))`

const run = Effect.fnUntraced(function* (script: string, more: string, input = "hello") {
  const runtime = yield* runtimeWith(scripted(script, more))
  const { observer, worker_id } = yield* worker(runtime)
  const events = yield* turn(runtime, worker_id, observer, input)
  return { runtime, observer, worker_id, events, after: yield* runtime.get(worker_id) }
})

describe("a program per turn", () => {
  it.live("gets the input up to its end, and its output is the answer", () =>
    Effect.gen(function* () {
      const { after, events } = yield* run(shout, "")
      assert.strictEqual(spoken(events), "HELLO")
      assert.include(
        events.map((it) => it.event),
        "text_delta"
      )
      assert.strictEqual(after.state, "idle")
    })
  )

  it.live("is started anew for every turn", () =>
    Effect.gen(function* () {
      const { events, observer, runtime, worker_id } = yield* run(`process.stdout.write(String(process.pid))`, "")
      assert.notStrictEqual(spoken(yield* turn(runtime, worker_id, observer, "again")), spoken(events))
    })
  )

  it.live("gets its arguments as they are: no shell reads them", () =>
    Effect.gen(function* () {
      const script = `process.stdout.write(process.argv[1])`
      const toml = scripted(script).replace(`"]\n`, () => `", "$(id); rm -rf \`x\` *"]\n`)
      const runtime = yield* runtimeWith(toml)
      const { observer, worker_id } = yield* worker(runtime)
      assert.strictEqual(spoken(yield* turn(runtime, worker_id, observer, "x")), "$(id); rm -rf `x` *")
    })
  )

  it.live("that crashes leaves an errored worker with its last words, without the secrets it had", () =>
    Effect.gen(function* () {
      const script = `process.stdout.write("so far"); console.error("no way: \\u001b[31m" + process.env.TOKEN); process.exitCode = 3`
      const { after, events } = yield* run(script, `stderr = "hide"\n[profiles.env.secrets]\nTOKEN = "test:TOKEN"`)
      assert.strictEqual(after.state, "errored")
      assert.include(after.state_reason ?? "", "ended with code 3")
      assert.include(after.state_reason ?? "", "no way: •••")
      assert.notInclude(JSON.stringify(events), secret)
      assert.strictEqual(spoken(events), "so far")
    })
  )

  it.live("has the environment of its profile and nothing of the runtime's own", () =>
    Effect.gen(function* () {
      const more = `[profiles.env]\nallow = ["ALLOWED"]\nset = { SET = "1" }\nsecrets = { TOKEN = "test:TOKEN" }`
      const runtime = yield* runtimeWith(
        scripted(`process.stdout.write(Object.keys(process.env).sort().join())`, more),
        {
          ALLOWED: "yes",
          FORBIDDEN: "no"
        }
      )
      const { observer, worker_id } = yield* worker(runtime)
      assert.strictEqual(spoken(yield* turn(runtime, worker_id, observer, "x")), "ALLOWED,SET,TOKEN,YOI_WORKER_MARK")
    })
  )

  it.live("works in a folder of its worker's own, for the owner only", () =>
    Effect.gen(function* () {
      const { folder, start } = yield* world(scripted(`require("fs").writeFileSync("mine", process.cwd())`))
      const runtime = yield* start
      const { observer, worker_id } = yield* worker(runtime)
      yield* turn(runtime, worker_id, observer, "x")
      const place = join(folder, "work", worker_id)
      assert.deepStrictEqual(readdirSync(join(folder, "work")), [worker_id])
      assert.strictEqual(readFileSync(join(place, "mine"), "utf8"), place)
    })
  )
})

describe("one program for all inputs", () => {
  it.live("keeps what it knows between turns, which end with the line of the profile", () =>
    Effect.gen(function* () {
      const script = `let n = 0; process.stdin.on("data", (d) => process.stdout.write(++n + ":" + d + "<e\\nnd>\\n<end>\\n"))`
      const { events, observer, runtime, worker_id } = yield* run(script, `mode = "session"\nend_of_turn = "<end>"`)
      assert.strictEqual(spoken(events), "1:hello\n<e\nnd>\n")
      assert.strictEqual(spoken(yield* turn(runtime, worker_id, observer, "x")), "2:x\n<e\nnd>\n")
    })
  )

  it.live("ends a turn after a silence when the profile names no line", () =>
    Effect.gen(function* () {
      const { after, events } = yield* run(shout, `mode = "session"\nquiet_ms = 50`)
      assert.strictEqual(spoken(events), "HELLO\n")
      assert.strictEqual(after.state, "idle")
    })
  )

  it.live("that has crashed is started again for the next input", () =>
    Effect.gen(function* () {
      const script = `process.stdin.on("data", (d) => String(d) === "die\\n" ? process.exit(9) : process.stdout.write("ok\\n<end>\\n"))`
      const { after, observer, runtime, worker_id } = yield* run(
        script,
        `mode = "session"\nend_of_turn = "<end>"`,
        "die"
      )
      assert.strictEqual(after.state, "errored")
      assert.strictEqual(spoken(yield* turn(runtime, worker_id, observer, "x")), "ok\n")
      assert.strictEqual((yield* runtime.get(worker_id)).state, "idle")
    })
  )

  it.live("cannot be brought back after a restart of the runtime, and the worker says so", () =>
    Effect.gen(function* () {
      const { start } = yield* world(scripted(shout, `mode = "session"`))
      const first = yield* Scope.make()
      const { worker_id } = yield* worker(yield* Scope.provide(start, first))
      yield* Scope.close(first, Exit.void)
      const after = yield* (yield* start).get(worker_id)
      assert.strictEqual(after.state, "stale")
      assert.include(after.state_reason ?? "", "earlier process")
    })
  )
})

describe("a program that misbehaves", () => {
  it.live.each([
    [
      "floods its output",
      `const x = "x".repeat(65536); const f = () => process.stdout.write(x, f); f()`,
      "output_limit_reached"
    ],
    [
      "floods its standard error",
      `const x = "x".repeat(65536); const f = () => process.stderr.write(x, f); f()`,
      "output_limit_reached"
    ],
    ["writes one line of 100 MB", `process.stdout.write("x".repeat(100_000_000))`, "output_limit_reached"],
    ["says nothing", `setInterval(() => {}, 1000)`, "idle_time_limit_reached"],
    ["never comes to an end", `setInterval(() => process.stdout.write("."), 20)`, "wall_time_limit_reached"],
    [
      "ignores that it is asked to end",
      `process.on("SIGTERM", () => {}); process.on("SIGINT", () => {}); setInterval(() => {}, 1000)`,
      "idle_time_limit_reached"
    ],
    [
      "closes its output and lives on",
      `const fs = require("fs"); fs.closeSync(1); fs.closeSync(2); setInterval(() => {}, 1000)`,
      "idle_time_limit_reached"
    ]
  ] as const)("and %s is ended, and its worker tells why", ([, script, code]) =>
    Effect.gen(function* () {
      const { env, name } = named()
      // Only the time that the case is about is short: a busy machine must not end the others for it.
      const idle = code === "idle_time_limit_reached" ? 700 : 30_000
      const wall = code === "wall_time_limit_reached" ? 1_500 : 60_000
      const more = `stderr = "hide"\n${env}\n[profiles.limits]\nidle_ms = ${idle}\nwall_ms = ${wall}\nturn_bytes = 300000\nstop_ms = 200`
      const { after, events } = yield* run(script, more)
      assert.strictEqual(after.state, "errored")
      assert.strictEqual(events.find((it) => it.event === "error")?.data["code"], code)
      // The life of a program has a bound of its own, which is met much later.
      assert.notInclude(after.state_reason ?? "", "in all")
      assert.isAtMost(spoken(events).length, 400_000)
      yield* eventually(() => processesWith(name).length === 0)
    })
  )

  it.live("and writes garbage is shown as far as it can be", () =>
    Effect.gen(function* () {
      const { after, events } = yield* run(`process.stdout.write(Buffer.from([0xff, 0xfe, 0x00, 0x41, 0xc3]))`, "")
      assert.strictEqual(after.state, "idle")
      assert.include(spoken(events), "A")
    })
  )

  it.live("and writes a long line is shown up to the bound of a line", () =>
    Effect.gen(function* () {
      const { events } = yield* run(
        `console.log("x".repeat(1000)); console.log("next")`,
        `[profiles.limits]\nline_bytes = 100`
      )
      assert.strictEqual(spoken(events), `${"x".repeat(100)} […]\nnext\n`)
    })
  )

  it.live("and leaves processes behind, in its group and out of it, leaves none", () =>
    Effect.gen(function* () {
      const { env, name } = named()
      const child = `setInterval(() => {}, 1000)`
      const script = `const { spawn } = require("child_process"); for (const detached of [true, false, true, false]) spawn(process.execPath, ["-e", ${JSON.stringify(child)}], { detached, stdio: "inherit" }).unref(); process.stdout.write("left"); process.exit(0)`
      const { after, events } = yield* run(script, `${env}\n[profiles.limits]\nidle_ms = 20000\nstop_ms = 100`)
      assert.strictEqual(spoken(events), "left")
      assert.strictEqual(after.state, "idle")
      yield* eventually(() => processesWith(name).length === 0)
    })
  )

  it.live("and never collects its dead children is ended like any other", () =>
    Effect.gen(function* () {
      const { env, name } = named()
      const dead = `sh -c 'sleep 0 & exec sleep 60' & setsid sh -c 'sleep 0 & exec sleep 60' & sleep 0 & exec sleep 60`
      const toml = scripted("", `${env}[profiles.limits]\nidle_ms = 700\nstop_ms = 100`)
      const runtime = yield* runtimeWith(
        toml.replace(/command = .*/, () => `command = ${JSON.stringify(["sh", "-c", dead])}`)
      )
      const { observer, worker_id } = yield* worker(runtime)
      yield* turn(runtime, worker_id, observer, "x")
      assert.strictEqual((yield* runtime.get(worker_id)).state, "errored")
      yield* eventually(() => processesWith(name).length === 0)
    })
  )

  it.live("and hides what it leaves in its group from the look at environments is asked and ended all the same", () =>
    Effect.gen(function* () {
      const child = `process.on("SIGTERM", () => { require("fs").writeFileSync("asked", ""); process.exit() }); setInterval(() => {}, 1000); process.stdout.write("ready")`
      const script = `const c = require("child_process").spawn(process.execPath, ["-e", ${JSON.stringify(child)}], { env: {} }); c.stdout.once("data", () => { process.stdout.write(String(c.pid)); process.exit(0) })`
      const { folder, start } = yield* world(scripted(script))
      const runtime = yield* start
      const { observer, worker_id } = yield* worker(runtime)
      const pid = spoken(yield* turn(runtime, worker_id, observer, "x"))
      assert.match(pid, /^[0-9]+$/)
      yield* eventually(() => !isRunning(pid))
      assert.isTrue(existsSync(join(folder, "work", worker_id, "asked")))
    })
  )

  it.live("goes with its worker: stop ends all of it, also what ignores the request", () =>
    Effect.gen(function* () {
      const { env, name } = named()
      const stubborn = `process.on("SIGTERM", () => {}); setInterval(() => {}, 1000)`
      const script = `${stubborn}; require("child_process").spawn(process.execPath, ["-e", ${JSON.stringify(stubborn)}], { detached: true, stdio: "ignore" }); process.stdout.write("up")`
      const runtime = yield* runtimeWith(scripted(script, `${env}\n[profiles.limits]\nstop_ms = 100`))
      const { observer, worker_id } = yield* worker(runtime)
      yield* runtime.input(worker_id, { kind: "user", content: "x" }, {})
      yield* observer.until((entry) => entry.event.event === "text_delta")
      yield* eventually(() => processesWith(name).length === 2)
      yield* runtime.stop(worker_id, {})
      yield* eventually(() => processesWith(name).length === 0)
    })
  )

  it.live("does not keep another worker from working", () =>
    Effect.gen(function* () {
      const flood = `const x = "x".repeat(65536); const f = () => process.stdout.write(x, f); f()`
      const script = `process.stdin.on("data", (d) => { if (String(d) === "flood") { ${flood} } else process.stdout.write("fine") })`
      const runtime = yield* runtimeWith(scripted(script, `[profiles.limits]\nturn_bytes = 200000000`))
      const bad = yield* worker(runtime)
      const good = yield* worker(runtime)
      yield* runtime.input(bad.worker_id, { kind: "user", content: "flood" }, {})
      yield* bad.observer.until((entry) => entry.event.event === "text_delta")
      assert.strictEqual(spoken(yield* turn(runtime, good.worker_id, good.observer, "x")), "fine")
    })
  )
})

describe("a profile's workers", () => {
  it.live("are at most as many at once as it says, and a stopped one makes room", () =>
    Effect.gen(function* () {
      const runtime = yield* runtimeWith(scripted(shout, `mode = "session"\n[profiles.limits]\nconcurrent_workers = 1`))
      const { worker_id } = yield* worker(runtime)
      const refused = yield* Effect.flip(runtime.create({ profile: { kind: "named", value: "p" } }, {}))
      assert.strictEqual((refused as { readonly _tag: string })._tag, "worker_execution_rejected")
      yield* runtime.stop(worker_id, {})
      yield* worker(runtime).pipe(Effect.eventually)
    })
  )
})
