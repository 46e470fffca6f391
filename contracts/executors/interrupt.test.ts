/** A turn that is called off leaves what runs the worker ready for the next one, where that ends the turn when it is asked. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import {
  agentProfile,
  eventually,
  interrupted,
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

const session_mode = `mode = "session"\nend_of_turn = "<end>"\n`
/** Counts its inputs; `wait` says something and goes on until it is interrupted. */
const patient = (onInterrupt: string) =>
  `let n = 0; let open = false; process.on("SIGINT", () => { ${onInterrupt} }); process.stdin.on("data", (d) => { n++; if (String(d) === "wait\\n") { open = true; process.stdout.write("waiting") } else process.stdout.write(n + ":" + d + "<end>\\n") })`

describe("a turn that is interrupted", () => {
  it.live("leaves the agent alive, with what it knows, for the next turn", () =>
    Effect.gen(function* () {
      const { env, name } = named()
      const talk = yield* session(agentProfile([], env))
      assert.strictEqual(spoken(yield* say(talk, "a")), "1:a")
      const before = processesWith(name)
      yield* interrupted(talk, "wait")
      assert.deepStrictEqual(processesWith(name), before)
      assert.strictEqual(spoken(yield* say(talk, "b")), "3:b")
    })
  )

  it.live("ends an agent that goes on, which comes back with its session at the next input", () =>
    Effect.gen(function* () {
      const { env, name } = named()
      const talk = yield* session(agentProfile(["--load"], `${env}[profiles.limits]\nstop_ms = 200`))
      const before = processesWith(name)
      yield* interrupted(talk, "hang")
      yield* eventually(() => processesWith(name).length === 0)
      assert.strictEqual(spoken(yield* say(talk, "b")), "2:b")
      assert.notDeepEqual(processesWith(name), before)
    })
  )

  it.live("leaves a program alive that ends its answer when it is interrupted; the rest of it is nobody's", () =>
    Effect.gen(function* () {
      const script = patient(`if (open) process.stdout.write("stopped\\n<end>\\n"); open = false`)
      const talk = yield* session(scripted(script, session_mode))
      yield* interrupted(talk, "wait")
      assert.strictEqual(spoken(yield* say(talk, "b")), "2:b\n")
    })
  )

  it.live("leaves a program alive that falls silent, where no line ends its answers", () =>
    Effect.gen(function* () {
      const script = patient(`if (open) process.stdout.write("stopped"); open = false`).replace("<end>\\n", "")
      const talk = yield* session(scripted(script, `mode = "session"\nquiet_ms = 300`))
      yield* interrupted(talk, "wait")
      assert.strictEqual(spoken(yield* say(talk, "b")), "2:b\n")
    })
  )

  it.live.each([
    ["goes on all the same", patient("")],
    ["ends by it", patient("process.exit(0)")]
  ] as const)("starts a program anew that %s", ([, script]) =>
    Effect.gen(function* () {
      const { env, name } = named()
      const talk = yield* session(scripted(script, `${session_mode}${env}[profiles.limits]\nstop_ms = 200`))
      yield* interrupted(talk, "wait")
      yield* eventually(() => processesWith(name).length === 0)
      assert.strictEqual(spoken(yield* say(talk, "b")), "1:b\n")
    })
  )

  it.live("ends a program per turn", () =>
    Effect.gen(function* () {
      const { env, name } = named()
      const talk = yield* session(scripted(`process.stdout.write("up"); setInterval(() => {}, 1000)`, env))
      yield* interrupted(talk, "x")
      assert.deepStrictEqual(processesWith(name), [])
    })
  )
})

describe("through the engine", () => {
  it.live("an interrupted agent keeps its process and its session, and what it had said is kept", () =>
    Effect.gen(function* () {
      const { env, name } = named()
      const runtime = yield* runtimeWith(agentProfile([], env))
      const { observer, worker_id } = yield* worker(runtime)
      const before = processesWith(name)
      yield* runtime.input(worker_id, { kind: "user", content: "wait" }, {})
      yield* observer.until((entry) => entry.event.event === "text_delta")
      yield* runtime.interrupt(worker_id, {})
      assert.strictEqual((yield* runtime.get(worker_id)).state, "idle")
      assert.strictEqual(spoken(yield* turn(runtime, worker_id, observer, "b")), "2:b")
      assert.deepStrictEqual(processesWith(name), before)
      const { items } = yield* runtime.transcript(worker_id, {})
      assert.deepStrictEqual(
        items.map(({ content }) => content),
        ["wait", "waiting", "b", "2:b"]
      )
    })
  )

  it.live("a permission is given to the agent that asked for it", () =>
    Effect.gen(function* () {
      const runtime = yield* runtimeWith(agentProfile())
      const { observer, worker_id } = yield* worker(runtime)
      yield* runtime.input(worker_id, { kind: "user", content: "ask" }, {})
      const { event } = yield* observer.until((entry) => entry.event.event === "permission_request")
      yield* runtime.permit(worker_id, String(event.data["id"]), "always", {})
      yield* observer.until((entry) => entry.event.event === "text_done" && entry.event.data["text"] === "always")
    })
  )
})
