/** Programs that take more memory, processes or processor time than they may. All of them stop by themselves somewhere. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import {
  agentProfile,
  eventually,
  named,
  processesWith,
  runtimeWith,
  say,
  scripted,
  session,
  spoken,
  turn,
  worker
} from "./ExecutorWorld.ts"

/** Takes 10 MB at a time, 600 MB in all. */
const hog = `const held = []; setInterval(() => held.length < 60 && held.push(Buffer.alloc(10_000_000, 1)), 2)`
/** Each starts two, ten times: 2,047 in all, most of them in its process group. */
const bomb = `f() { if [ $1 -le 0 ]; then sleep 60; else f $(($1 - 1)) & f $(($1 - 1)) & wait; fi; }; f 10`
/** The same, each in a session and a process group of its own. */
const leaving = `if [ $1 -le 0 ]; then exec sleep 60; fi; setsid sh -c "$BOMB" b $(($1 - 1)) & setsid sh -c "$BOMB" b $(($1 - 1)) & wait`
const spinning = `while (true) {}`

const shell = (script: string, more: string) =>
  scripted("", more).replace(/command = .*/, () => `command = ${JSON.stringify(["sh", "-c", script, "b", "10"])}`)

const cases = [
  [
    "memory",
    (env: string) => scripted(hog, `${env}[profiles.limits]\nmemory_bytes = 134217728`),
    "memory_limit_reached"
  ],
  ["processes", (env: string) => shell(bomb, `${env}[profiles.limits]\nprocesses = 40`), "process_limit_reached"],
  [
    "processes that leave its group",
    (env: string) => shell(leaving, `${env}BOMB = ${JSON.stringify(leaving)}\n[profiles.limits]\nprocesses = 40`),
    "process_limit_reached"
  ],
  [
    "processor time",
    (env: string) => scripted(spinning, `${env}[profiles.limits]\ncpu_ms = 300`),
    "cpu_time_limit_reached"
  ]
] as const

describe("a program that takes too much", () => {
  it.live.each(cases)("%s is ended by force, all of it, and its worker tells why; the others go on", ([, toml, code]) =>
    Effect.gen(function* () {
      const { env, name } = named()
      const good = scripted(`process.stdin.pipe(process.stdout)`).replace(`id = "p"`, `id = "good"`)
      const runtime = yield* runtimeWith(`${toml(env)}\n${good}`)
      const bad = yield* worker(runtime)
      const other = yield* worker(runtime, "good")
      const events = yield* turn(runtime, bad.worker_id, bad.observer, "x")
      const after = yield* runtime.get(bad.worker_id)
      assert.strictEqual(after.state, "errored")
      assert.deepInclude(events.find((it) => it.event === "error")?.data, { code, message: after.state_reason })
      assert.strictEqual(spoken(yield* turn(runtime, other.worker_id, other.observer, "still here")), "still here")
      yield* eventually(() => processesWith(name).length === 0)
    })
  )

  it.live("between two turns is ended as well, and told with the limit", () =>
    Effect.gen(function* () {
      const { env, name } = named()
      const talk = yield* session(agentProfile(["--load"], `${env}[profiles.limits]\nmemory_bytes = 268435456`))
      yield* say(talk, "hoard-later")
      assert.strictEqual((yield* talk.ended!).code, "memory_limit_reached")
      yield* eventually(() => processesWith(name).length === 0)
      assert.strictEqual(spoken(yield* say(talk, "b")), "2:b")
    })
  )

  it.live("of processor time in its life does so within its rights, if it does not in one turn", () =>
    Effect.gen(function* () {
      const script = `const used = () => { const { system, user } = process.cpuUsage(); return (system + user) / 1000 }; process.stdin.on("data", () => { const t = used(); while (used() - t < 300); console.log(Math.floor(used() / 300)) })`
      const talk = yield* session(scripted(script, `mode = "session"\nquiet_ms = 300\n[profiles.limits]\ncpu_ms = 800`))
      for (let n = 1; n <= 4; n++) assert.isAtLeast(Number(spoken(yield* say(talk, "x"))), n)
    })
  )
})
