/** Agents as workers, over the Agent Client Protocol, with an agent in a process of its own. Real processes, so real time. */
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Scope, Stream } from "effect"
import { WorkerId } from "../../src/domain/Identifiers.ts"
import { observe } from "../worker-runtime/EngineWorld.ts"
import {
  agentProfile,
  eventually,
  named,
  processesWith,
  runtimeWith,
  say,
  secret,
  session,
  spoken,
  turn,
  worker,
  world
} from "./ExecutorWorld.ts"

const run = Effect.fnUntraced(function* (input: string, more = "", flags: ReadonlyArray<string> = []) {
  const runtime = yield* runtimeWith(agentProfile(flags, more))
  const { observer, worker_id } = yield* worker(runtime)
  const events = yield* turn(runtime, worker_id, observer, input)
  return { runtime, observer, worker_id, events, after: yield* runtime.get(worker_id) }
})

const durable = (events: ReadonlyArray<{ readonly event: string }>) =>
  events.map((it) => it.event).filter((it) => !it.endsWith("_delta") && it !== "tool_call_start")

describe("a turn of an agent", () => {
  it.live("arguments are told once they are known, before a person is asked about the call", () =>
    Effect.gen(function* () {
      const command = { command: "rm -r build" }
      const edit = [{ type: "diff", path: "a.txt", oldText: "one", newText: "two" }]
      for (const [word, args] of [
        ["ask-anew", command],
        ["ask-late", command],
        ["ask-edit", edit]
      ] as const) {
        const { events } = yield* run(word, `permissions = "ask"\n[profiles.limits]\npermission_ms = 50`)
        assert.deepStrictEqual(
          events.slice(2, -2).map((it) => it.event),
          ["tool_call_start", "tool_call_done", "permission_request", "permission_resolved", "tool_result"],
          word
        )
        assert.deepStrictEqual(events[3]?.data, { id: "call-4", name: "Run", arguments: args }, word)
        assert.strictEqual(events[4]?.data["tool_call_id"], "call-4")
      }
    })
  )

  it.live("becomes thoughts, a plan, text and tool calls, in their order", () =>
    Effect.gen(function* () {
      const { after, events } = yield* run("work")
      assert.deepStrictEqual(durable(events), [
        "user_message",
        "status",
        "thinking_done",
        "plan",
        "text_done",
        "tool_call_done",
        "tool_result",
        "text_done",
        "run_end",
        "status"
      ])
      assert.strictEqual(spoken(events), "first then")
      const of = (name: string) => events.find((it) => it.event === name)?.data
      assert.deepStrictEqual(of("thinking_done"), { text: "let me see" })
      assert.deepStrictEqual(of("tool_call_done"), { id: "call-1", name: "Look", arguments: { path: "x" } })
      assert.deepStrictEqual(of("tool_result"), { id: "call-1", summary: "Look", is_error: false, output: { n: 7 } })
      assert.strictEqual(after.state, "idle")
    })
  )

  it.live("follows the one before in the same session", () =>
    Effect.gen(function* () {
      const { events, observer, runtime, worker_id } = yield* run("a")
      assert.strictEqual(spoken(events), "1:a")
      assert.strictEqual(spoken(yield* turn(runtime, worker_id, observer, "b")), "2:b")
    })
  )

  it.live("of thousands of pieces loses none and makes far fewer events", () =>
    Effect.gen(function* () {
      const { events } = yield* run("many")
      assert.strictEqual(spoken(events), Array.from({ length: 5_000 }, (_, n) => `${n} `).join(""))
      assert.isBelow(events.length, 2_500)
    })
  )

  it.live.each([
    ["limit", "limit_reached"],
    ["refuse", "rolled_back"]
  ] as const)("that the agent ends with %s says so", ([word, result]) =>
    Effect.gen(function* () {
      const { after, events } = yield* run(word)
      assert.strictEqual(events.find((it) => it.event === "run_end")?.data["result"], result)
      assert.strictEqual(after.state, "idle")
    })
  )
})

describe("a permission request", () => {
  it.live("waits for an answer, which the agent gets", () =>
    Effect.gen(function* () {
      const asked = yield* session(agentProfile())
      const stream = yield* asked.accept({ kind: "user", content: "ask" })
      const seen: Array<{ readonly event: string; readonly data: Readonly<Record<string, unknown>> }> = []
      yield* Stream.runForEach(stream, (it) => {
        seen.push(it)
        if (it.event !== "permission_request") return Effect.void
        return Effect.gen(function* () {
          assert.strictEqual(yield* asked.permit!("another", "yes"), false)
          assert.strictEqual(yield* asked.permit!(String(it.data["id"]), "maybe"), false)
          assert.strictEqual(yield* asked.permit!(String(it.data["id"]), "always"), true)
          assert.strictEqual(yield* asked.permit!(String(it.data["id"]), "yes"), false)
        })
      })
      const request = seen.find((it) => it.event === "permission_request")!.data
      assert.strictEqual(request["title"], "Remove everything")
      assert.deepStrictEqual(request["options"], [
        { id: "yes", kind: "allow_once", name: "Yes" },
        { id: "always", kind: "allow_always", name: "Always" },
        { id: "no", kind: "reject_once", name: "No" }
      ])
      assert.deepStrictEqual(seen.find((it) => it.event === "permission_resolved")?.data, {
        id: request["id"],
        outcome: "selected",
        option_id: "always"
      })
      assert.strictEqual(spoken(seen), "always")
    })
  )

  it.live("offers at most 16 options that an answer can name, each once", () =>
    Effect.gen(function* () {
      const { events } = yield* run("ask-oddly", `[profiles.limits]\npermission_ms = 50`)
      const options = events.find((it) => it.event === "permission_request")?.data["options"]
      assert.deepStrictEqual(
        (options as ReadonlyArray<{ readonly id: string }>).map(({ id }) => id),
        ["one", ...Array.from({ length: 15 }, (_, n) => `more-${n}`)]
      )
    })
  )

  it.live("has an id that is never given again, also not by the agent's next process", () =>
    Effect.gen(function* () {
      const { env } = named()
      const asked = yield* session(agentProfile(["--load"], `${env}[profiles.limits]\npermission_ms = 50`))
      const ids = new Set<unknown>()
      for (const word of ["ask", "ask", "die", "ask"]) {
        const events = yield* Effect.orElseSucceed(say(asked, word), () => [])
        for (const it of events) if (it.event === "permission_request") ids.add(it.data["id"])
      }
      assert.strictEqual(ids.size, 3)
    })
  )

  it.live("that nobody answers is rejected after its time, on the record, however short the idle time is", () =>
    Effect.gen(function* () {
      const { after, events } = yield* run("ask", `[profiles.limits]\npermission_ms = 1800\nidle_ms = 1200`)
      assert.strictEqual(spoken(events), "no")
      assert.strictEqual(after.state, "idle")
      assert.strictEqual(events.find((it) => it.event === "permission_resolved")?.data["outcome"], "expired")
      assert.include(durable(events), "permission_request")
    })
  )

  it.live.each([
    ["allow", "yes"],
    ["reject", "no"]
  ])("is answered at once where the profile says %s", ([permissions, said]) =>
    Effect.gen(function* () {
      const { events } = yield* run("ask", `permissions = "${permissions}"`)
      assert.strictEqual(spoken(events), said)
      assert.notInclude(durable(events), "permission_request")
    })
  )
})

describe("files for an agent", () => {
  const at = Effect.gen(function* () {
    const { folder } = yield* world("")
    const here = join(folder, "here")
    mkdirSync(here)
    writeFileSync(join(here, "inside"), "inside words")
    writeFileSync(join(folder, "outside"), "outside words")
    mkdirSync(join(folder, "here-too"))
    symlinkSync(join(folder, "outside"), join(here, "link"))
    symlinkSync(join(folder, "nowhere"), join(here, "dangling"))
    symlinkSync(folder, join(here, "up"))
    return { folder, here }
  })

  it.live("are those in its working folder, and no others", () =>
    Effect.gen(function* () {
      const { folder, here } = yield* at
      const { executor } = yield* world(
        agentProfile([], `files = "write"\nfolder = { policy = "shared", path = ${JSON.stringify(here)} }`)
      )
      const asked = yield* executor.spawn({
        worker_id: WorkerId.make("w-2"),
        profile: { kind: "named", value: "p" }
      })
      const answer = (content: string) => Effect.map(say(asked, content), spoken)
      assert.strictEqual(yield* answer(`read ${here}/inside`), "inside words")
      assert.strictEqual(yield* answer(`write ${here}/new`), "done")
      assert.strictEqual(readFileSync(join(here, "new"), "utf8"), "written")
      const places = [
        "/etc/passwd",
        `${here}/../outside`,
        `${here}/link`,
        `${here}/up/outside`,
        `${folder}/here-too/x`,
        "inside",
        here
      ]
      for (const place of places) {
        assert.strictEqual(yield* answer(`try-read ${place}`), "refused -32602", place)
        assert.strictEqual(yield* answer(`try-write ${place}`), "refused -32602", place)
      }
      assert.strictEqual(yield* answer(`try-write ${here}/dangling`), "refused -32602")
      assert.strictEqual(readFileSync(join(folder, "outside"), "utf8"), "outside words")
      assert.isFalse(existsSync(join(folder, "nowhere")))
      assert.strictEqual(yield* answer("try-terminal"), "refused -32601")
    })
  )

  it.live.each([
    ["none", "try-read", "refused -32601"],
    ["read", "try-write", "refused -32601"]
  ])("are only what the profile allows: with %s, %s is refused", ([files, word, said]) =>
    Effect.gen(function* () {
      const { events } = yield* run(`${word} /x`, `files = "${files}"`)
      assert.strictEqual(spoken(events), said)
    })
  )
})

describe("the life of an agent", () => {
  it.live("a crash is an errored worker with the agent's last words, without its secrets", () =>
    Effect.gen(function* () {
      const { after, events } = yield* run("die", `[profiles.env.secrets]\nTOKEN = "test:TOKEN"`)
      assert.strictEqual(after.state, "errored")
      assert.include(after.state_reason ?? "", "ended with code 7")
      assert.include(after.state_reason ?? "", "cannot go on: •••")
      assert.notInclude(JSON.stringify([after, events]), secret)
      assert.strictEqual(spoken(events), "so far")
    })
  )

  it.live("an agent that was killed is started again where it can take its session up", () =>
    Effect.gen(function* () {
      const { observer, runtime, worker_id } = yield* run("die", "", ["--load"])
      const events = yield* turn(runtime, worker_id, observer, "again")
      assert.strictEqual(spoken(events), "2:again")
    })
  )

  it.live("an agent that tells the past late, after it has taken its session up, is heard from then on only", () =>
    Effect.gen(function* () {
      const talk = yield* session(agentProfile(["--load", "--late"]))
      yield* Effect.exit(say(talk, "die"))
      assert.strictEqual(spoken(yield* say(talk, "slow")), "2:slow")
    })
  )

  it.live("an agent that cannot take its session up says so at the next input", () =>
    Effect.gen(function* () {
      const { observer, runtime, worker_id } = yield* run("die")
      const events = yield* turn(runtime, worker_id, observer, "again")
      assert.include(String(events.find((it) => it.event === "error")?.data["message"]), "cannot take up")
    })
  )

  it.live.each([
    [["--load"], "idle"],
    [[], "stale"]
  ] as const)("a restart of the runtime with the flags %j leaves the worker as it can be", ([flags, state]) =>
    Effect.gen(function* () {
      const { start } = yield* world(agentProfile(flags))
      const first = yield* Scope.make()
      const runtime = yield* Scope.provide(start, first)
      const { observer, worker_id } = yield* Scope.provide(worker(runtime), first)
      yield* turn(runtime, worker_id, observer, "a")
      yield* Scope.close(first, Exit.void)
      const next = yield* start
      const after = yield* next.get(worker_id)
      assert.strictEqual(after.state, state)
      if (state === "stale") return assert.include(after.state_reason ?? "", "cannot take up")
      const events = yield* turn(next, worker_id, yield* observe(next, worker_id), "b")
      // What the agent tells of the past is in the transcript already.
      assert.strictEqual(spoken(events), "2:b")
    })
  )

  it.live("cancelling asks the agent to end the turn before its process goes, and nothing of it stays", () =>
    Effect.gen(function* () {
      const { env, name } = named()
      const { folder, start } = yield* world(agentProfile([], env))
      const runtime = yield* start
      const { observer, worker_id } = yield* worker(runtime)
      yield* turn(runtime, worker_id, observer, "child")
      assert.isAtLeast(processesWith(name).length, 2)
      yield* runtime.input(worker_id, { kind: "user", content: "wait" }, {})
      yield* observer.until((entry) => entry.event.event === "text_delta" && entry.event.data["text"] === "waiting")
      yield* runtime.cancel(worker_id, {})
      yield* eventually(() => processesWith(name).length === 0)
      assert.isTrue(existsSync(join(folder, "work", worker_id, "cancelled")))
    })
  )

  it.live.each([
    ["never answers a prompt", "hang", "", "idle_time_limit_reached"],
    ["floods its output", "flood", "", "output_limit_reached"],
    ["sends a message of 100 MB", "line", "", "output_limit_reached"],
    ["ignores that it is asked to end", "hang", "--stubborn", "idle_time_limit_reached"],
    ["answers with an error", "fail", "", "agent_failed"]
  ] as const)("an agent that %s is contained, and its worker tells why", ([, word, flag, code]) =>
    Effect.gen(function* () {
      const { env, name } = named()
      // Only what is ended for its silence is: a busy machine must not end the others for it.
      const idle = code === "idle_time_limit_reached" ? 700 : 30_000
      const limits = `[profiles.limits]\nidle_ms = ${idle}\nstop_ms = 200\nturn_bytes = 3000000`
      const { after, events } = yield* run(word, `${env}\n${limits}`, flag === "" ? [] : [flag])
      assert.strictEqual(after.state, "errored")
      assert.strictEqual(events.find((it) => it.event === "error")?.data["code"], code)
      // The life of a program has a bound of its own, which is met much later.
      assert.notInclude(after.state_reason ?? "", "in all")
      assert.notInclude(JSON.stringify([after, events]), "internal words")
      yield* eventually(() => processesWith(name).length === 0)
    })
  )

  it.live("an agent that writes garbage is ended, and its worker tells why", () =>
    Effect.gen(function* () {
      const { env, name } = named()
      const { after, events } = yield* run("hang", env, ["--garbage"])
      assert.strictEqual(after.state, "errored")
      assert.strictEqual(events.find((it) => it.event === "error")?.data["code"], "agent_not_understood")
      yield* eventually(() => processesWith(name).length === 0)
    })
  )

  it.live("an agent that is not ready in time is no worker, and nothing of it stays", () =>
    Effect.gen(function* () {
      const { env, name } = named()
      const runtime = yield* runtimeWith(
        agentProfile(["--mute"], `${env}\n[profiles.limits]\nstart_ms = 1000\nstop_ms = 200`)
      )
      const refused = yield* Effect.flip(runtime.create({ profile: { kind: "named", value: "p" } }, {}))
      assert.strictEqual(refused._tag, "execution_backend_unavailable")
      yield* eventually(() => processesWith(name).length === 0)
    })
  )
})
