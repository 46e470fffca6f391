/** What a worker's session says when its process ends between two turns, by itself. Real processes, so real time. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import {
  agentProfile,
  eventually,
  named,
  processesWith,
  runtimeWith,
  turn,
  worker,
  say,
  scripted,
  secret,
  session,
  spoken
} from "./ExecutorWorld.ts"

const kill = (name: string) =>
  Effect.sync(() => processesWith(name).forEach((pid) => process.kill(Number(pid), "SIGKILL")))

const counter = `let n = 0; process.stdin.on("data", (d) => String(d) === "die\\n" ? process.exit(9) : process.stdout.write(++n + "\\n<end>\\n"))`
const lasting = `mode = "session"\nend_of_turn = "<end>"\n`

describe("a process that ends between two turns", () => {
  it.live("as an agent is told at once, and comes back with its session at the next input", () =>
    Effect.gen(function* () {
      const { env, name } = named()
      const talk = yield* session(agentProfile(["--load"], env))
      assert.strictEqual(spoken(yield* say(talk, "a")), "1:a")
      yield* kill(name)
      const told = yield* talk.ended!
      assert.strictEqual(told.code, "worker_program_ended")
      assert.include(told.message, "by SIGKILL")
      assert.strictEqual(spoken(yield* say(talk, "b")), "2:b")
    })
  )

  it.live("leaves its worker errored with them, until the next input", () =>
    Effect.gen(function* () {
      const { env, name } = named()
      const runtime = yield* runtimeWith(agentProfile(["--load"], env))
      const { observer, worker_id } = yield* worker(runtime)
      yield* turn(runtime, worker_id, observer, "a")
      yield* kill(name)
      yield* observer.until((entry) => entry.event.event === "status" && entry.event.data["state"] === "errored")
      assert.include((yield* runtime.get(worker_id)).state_reason ?? "", "by SIGKILL")
      assert.strictEqual(spoken(yield* turn(runtime, worker_id, observer, "b")), "2:b")
      assert.strictEqual((yield* runtime.get(worker_id)).state, "idle")
    })
  )

  it.live("is told with its last words, without its secrets", () =>
    Effect.gen(function* () {
      const talk = yield* session(agentProfile([], `[profiles.env.secrets]\nTOKEN = "test:TOKEN"`))
      assert.strictEqual(spoken(yield* say(talk, "die-later")), "soon")
      const { message } = yield* talk.ended!
      assert.include(message, "ended with code 7")
      assert.include(message, "cannot stay: •••")
      assert.notInclude(message, secret)
    })
  )

  it.live("as a lasting program is told at once, and is started anew at the next input", () =>
    Effect.gen(function* () {
      const { env, name } = named()
      const talk = yield* session(scripted(counter, lasting + env))
      assert.strictEqual(spoken(yield* say(talk, "a")), "1\n")
      yield* kill(name)
      assert.include((yield* talk.ended!).message, "by SIGKILL")
      assert.strictEqual(spoken(yield* say(talk, "b")), "1\n")
    })
  )

  it.live("is told also when nobody was waiting yet", () =>
    Effect.gen(function* () {
      const { env, name } = named()
      const talk = yield* session(scripted(counter, lasting + env))
      yield* kill(name)
      yield* eventually(() => processesWith(name).length === 0)
      yield* Effect.sleep(500)
      assert.include((yield* talk.ended!).message, "by SIGKILL")
    })
  )

  it.live.each([
    ["an agent", agentProfile(["--load"]), "die"],
    ["a lasting program", scripted(counter, lasting), "die"],
    [
      "a program that has nothing more to say",
      scripted(`process.stdin.once("data", () => process.exit(0))`, `mode = "session"`),
      "x"
    ]
  ] as const)("is told apart from the end of %s within a turn, which is the turn's", ([, toml, word]) =>
    Effect.gen(function* () {
      const talk = yield* session(toml)
      const told = yield* Effect.forkChild(talk.ended!)
      yield* Effect.exit(say(talk, word))
      yield* Effect.sleep(500)
      assert.isUndefined(told.pollUnsafe())
      yield* Fiber.interrupt(told)
    })
  )

  it.live.each([
    ["writes garbage", ["--garbage"], "a", "agent_not_understood"],
    ["closes its output", [], "mute-later", "agent_closed"]
  ] as const)("is also one of an agent that %s, which is ended", ([, flags, word, code]) =>
    Effect.gen(function* () {
      const { env, name } = named()
      const talk = yield* session(agentProfile(flags, env))
      yield* say(talk, word)
      assert.strictEqual((yield* talk.ended!).code, code)
      yield* eventually(() => processesWith(name).length === 0)
    })
  )

  it.live("is none of a program per turn", () =>
    Effect.gen(function* () {
      const talk = yield* session(scripted(""))
      assert.isUndefined(talk.ended)
    })
  )
})
