/**
 * `node scripts/agents.ts NAME PROGRAM [ARG…]`: runs an installed agent as a worker, against a scripted model on loopback,
 * and prints what happened: a prompt, a tool call with a permission, a turn called off, a kill, a restart. NAME is
 * opencode, gemini, qwen, claude or codex; PROGRAM is where it is installed. Exit 1 when a step failed. Linux only: it
 * finds the agent's processes in `/proc`.
 */
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { Cause, Effect, Exit, Scope, Stream } from "effect"
import { interrupted, processesWith, say, spoken, world } from "../contracts/executors/ExecutorWorld.ts"
import { WorkerId } from "../src/domain/Identifiers.ts"
import type { WorkerSession } from "../src/domain/WorkerExecutor.ts"
import type { WorkerEvent } from "../src/domain/WorkerEvent.ts"
import { knownAgents } from "./agents/KnownAgents.ts"
import { toolFile } from "./agents/Script.ts"
import * as ScriptedModel from "./agents/ScriptedModel.ts"

const [name = "", program = "", ...given] = process.argv.slice(2)
const arrange = knownAgents.get(name)
if (arrange === undefined || !existsSync(program)) {
  console.error(`node scripts/agents.ts ${[...knownAgents.keys()].join("|")} PROGRAM [ARG…]`)
  process.exit(2)
}

/** Of one step, in milliseconds. */
const stepMs = 60_000
let failed = 0

const step = <A>(title: string, effect: Effect.Effect<A, unknown, Scope.Scope>, tell: (value: A) => string) =>
  Effect.gen(function* () {
    const exit = yield* Effect.exit(Effect.timeout(effect, stepMs))
    if (Exit.isFailure(exit)) failed++
    const said = Exit.isSuccess(exit) ? tell(exit.value) : `FAILED: ${Cause.pretty(exit.cause).split("\n")[0]}`
    console.log(`${title.padEnd(28)}${said}`)
    return Exit.isSuccess(exit) ? exit.value : undefined
  })

/** The turn must tell of these, and nothing else that it has forgotten. */
const knows = (events: ReadonlyArray<WorkerEvent>, words: ReadonlyArray<string>) =>
  Effect.suspend(() => {
    const text = spoken(events)
    return words.every((word) => text.includes(word))
      ? Effect.succeed(text.trim())
      : Effect.fail(`it said ${JSON.stringify(text)}`)
  })

/** A turn in which every permission request is answered with its first option of the kind. */
const permitting = Effect.fnUntraced(function* (session: WorkerSession, content: string, kind: string) {
  const asked: Array<string> = []
  const events: Array<WorkerEvent> = []
  const stream = yield* session.accept({ kind: "user", content })
  yield* Stream.runForEach(stream, (it) => {
    events.push(it)
    if (it.event !== "permission_request") return Effect.void
    const options = it.data["options"] as ReadonlyArray<{ readonly id: string; readonly kind: string }>
    asked.push(options.map((option) => option.kind).join(", "))
    const chosen = options.find((option) => option.kind === kind)
    return chosen === undefined ? Effect.void : session.permit!(String(it.data["id"]), chosen.id)
  })
  return { asked, events }
})

const main = Effect.gen(function* () {
  const model = yield* Effect.acquireRelease(Effect.promise(ScriptedModel.start), ({ close }) => Effect.promise(close))
  const home = yield* Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "agent-home-"))),
    (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
  )
  const { args, env, files, pauseMs = 0 } = arrange(model.url, home)
  const pause = Effect.sleep(pauseMs)
  for (const [path, text] of Object.entries(files ?? {})) {
    mkdirSync(dirname(join(home, path)), { recursive: true })
    writeFileSync(join(home, path), text)
  }
  const mark = `agent-run-${process.pid}`
  // No proxy answers there: whatever the agent wants from elsewhere it does not get.
  const offline = {
    HTTP_PROXY: "http://127.0.0.1:9",
    HTTPS_PROXY: "http://127.0.0.1:9",
    NO_PROXY: "127.0.0.1,localhost"
  }
  const set = { ...env, ...offline, HOME: home, AGENT_RUN: mark }
  const toml = [
    `[[profiles]]`,
    `id = "p"`,
    `label = "P"`,
    `executor = "acp"`,
    `command = ${JSON.stringify([program, ...given, ...args])}`,
    `permissions = "ask"`,
    `[profiles.env]`,
    `allow = ["PATH"]`,
    `[profiles.env.set]`,
    ...Object.entries(set).map(([key, value]) => `${key} = ${JSON.stringify(value)}`),
    `[profiles.limits]`,
    `permission_ms = 10000`,
    `idle_ms = 30000`,
    `stop_ms = 5000`
  ].join("\n")
  const { executor, folder } = yield* world(toml)
  const worker_id = WorkerId.make("agent")
  const spawn = (resume?: { readonly backend_id: string | undefined }) =>
    executor.spawn({
      worker_id,
      profile: { kind: "named", value: "p" },
      ...(resume === undefined ? undefined : { resume })
    })

  const first = yield* Scope.make()
  const session = yield* step("starts", Scope.provide(spawn(), first), () => "yes")
  if (session !== undefined) {
    yield* step(
      "prompt",
      Effect.flatMap(say(session, "PROBE-one"), (it) => knows(it, ["one"])),
      (it) => it
    )
    const called = join(folder, "work", worker_id, toolFile)
    yield* step(
      "tool call, rejected",
      permitting(session, "PROBE-two TOOL", "reject_once"),
      ({ asked }) => `asked: ${asked.join("; ") || "nothing"}; the tool ${existsSync(called) ? "RAN" : "did not run"}`
    )
    yield* step(
      "tool call, allowed",
      permitting(session, "PROBE-three TOOL", "allow_once"),
      ({ asked, events }) =>
        `asked: ${asked.join("; ") || "nothing"}; the tool ${existsSync(called) ? "ran" : "DID NOT RUN"}; ${events.filter((it) => it.event === "tool_result").length} result`
    )
    const before = processesWith(mark).join()
    yield* step("cancel", interrupted(session, "PROBE-four WAIT"), () =>
      processesWith(mark).join() === before ? "the same process lives" : "ended and to be brought back"
    )
    yield* step(
      "prompt after it",
      Effect.flatMap(say(session, "PROBE-five"), (it) => knows(it, ["one", "five"])),
      (it) => it
    )
    yield* step(
      "kill -9 while idle",
      Effect.andThen(
        Effect.sync(() => processesWith(mark).forEach((pid) => process.kill(Number(pid), "SIGKILL"))),
        session.ended!
      ),
      ({ message }) => message
    )
    yield* pause
    yield* step(
      "prompt after it",
      Effect.flatMap(say(session, "PROBE-six"), (it) => knows(it, ["one", "six"])),
      (it) => it
    )
    yield* Scope.close(first, Exit.void)
    console.log(`${"left after its end".padEnd(28)}${processesWith(mark).length} processes`)
    yield* pause
    const again = yield* step(
      "restart of the runtime",
      spawn({ backend_id: session.backend_id }),
      () => "it takes its session up"
    )
    if (again !== undefined) {
      yield* step(
        "prompt after it",
        Effect.flatMap(say(again, "PROBE-seven"), (it) => knows(it, ["one", "seven"])),
        (it) => it
      )
    }
  }
  console.log(`${"requests to the model".padEnd(28)}${[...new Set(model.requests)].join(", ") || "none"}`)
})

await Effect.runPromise(Effect.scoped(main))
process.exitCode = failed === 0 ? 0 : 1
