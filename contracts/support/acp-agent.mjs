/** An agent for tests, written with the official SDK: what it does in a turn is what the prompt says. It needs no network. */
import { spawn } from "node:child_process"
import { closeSync, existsSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Readable, Writable } from "node:stream"
import * as acp from "@agentclientprotocol/sdk"

const m = acp.methods
/** `--load`: can take up earlier sessions, which it keeps in its working folder. */
const loads = process.argv.includes("--load")
/** `--mute`: never answers. */
if (process.argv.includes("--mute")) setInterval(() => {}, 1000)
/** `--stubborn`: does not end when it is asked to. */
if (process.argv.includes("--stubborn")) for (const name of ["SIGTERM", "SIGINT"]) process.on(name, () => {})
/** `--garbage`: soon after its start, what it writes is no protocol. */
if (process.argv.includes("--garbage"))
  setTimeout(() => setInterval(() => process.stdout.write("garbage\n{]\n[1]\n"), 1), 500)

/** Work that takes memory between two turns, but never so much that it could harm the machine. */
const maxHoard = 60
/** @type {Array<Buffer>} */
const hoard = []

/** @type {Map<string, { cwd: string, turns: number, cancel: (() => void) | undefined }>} */
const sessions = new Map()

/** @param {string} cwd @param {string} id */
const memory = (cwd, id) => join(cwd, `${id}.json`)

/** @param {number} ms */
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

const app = acp
  .agent({ name: "test-agent" })
  .onRequest(m.agent.initialize, () => ({
    protocolVersion: acp.PROTOCOL_VERSION,
    agentCapabilities: { loadSession: loads },
    agentInfo: { name: "test-agent", version: "1.0.0" }
  }))
  .onRequest(m.agent.session.new, ({ params }) => {
    const sessionId = `session-${process.pid}`
    sessions.set(sessionId, { cwd: params.cwd, turns: 0, cancel: undefined })
    if (loads) writeFileSync(memory(params.cwd, sessionId), "0")
    return { sessionId }
  })
  .onRequest(m.agent.session.load, async ({ client, params }) => {
    const file = memory(params.cwd, params.sessionId)
    if (!existsSync(file)) throw acp.RequestError.invalidParams()
    sessions.set(params.sessionId, { cwd: params.cwd, turns: Number(readFileSync(file, "utf8")), cancel: undefined })
    // As the protocol asks: what was said before is told again.
    const past = () =>
      client.notify(m.client.session.update, {
        sessionId: params.sessionId,
        update: { sessionUpdate: "agent_message_chunk", content: { type: "text", text: "said long ago" } }
      })
    // `--late`: not before the answer, which the protocol forbids and some do.
    if (process.argv.includes("--late")) for (const ms of [20, 100, 180]) setTimeout(past, ms)
    else await past()
    return {}
  })
  .onNotification(m.agent.session.cancel, ({ params }) => sessions.get(params.sessionId)?.cancel?.())
  .onRequest(m.agent.session.prompt, async ({ client, params }) => {
    const { sessionId } = params
    const session = sessions.get(sessionId)
    if (session === undefined) throw acp.RequestError.invalidParams()
    session.turns += 1
    if (loads) writeFileSync(memory(session.cwd, sessionId), String(session.turns))
    const [word = "", ...rest] = params.prompt
      .map((block) => (block.type === "text" ? block.text : ""))
      .join("")
      .split(" ")
    const argument = rest.join(" ")
    /** @param {acp.SessionUpdate} update */
    const tell = (update) => client.notify(m.client.session.update, { sessionId, update })
    /** @param {string} text */
    const say = (text) => tell({ sessionUpdate: "agent_message_chunk", content: { type: "text", text } })
    const cancelled = new Promise((resolve) => {
      session.cancel = () => resolve("cancelled")
    })
    switch (word) {
      case "work":
        await tell({ sessionUpdate: "agent_thought_chunk", content: { type: "text", text: "let me " } })
        await tell({ sessionUpdate: "agent_thought_chunk", content: { type: "text", text: "see" } })
        await tell({
          sessionUpdate: "plan",
          entries: [{ content: "look", priority: "high", status: "in_progress" }]
        })
        await say("first ")
        await tell({
          sessionUpdate: "tool_call",
          toolCallId: "call-1",
          title: "Look",
          kind: "read",
          status: "pending",
          rawInput: { path: "x" }
        })
        await tell({ sessionUpdate: "tool_call_update", toolCallId: "call-1", status: "in_progress" })
        await tell({
          sessionUpdate: "tool_call_update",
          toolCallId: "call-1",
          status: "completed",
          rawOutput: { n: 7 }
        })
        await say("then")
        break
      case "ask": {
        const { outcome } = await client.request(m.client.session.requestPermission, {
          sessionId,
          toolCall: { toolCallId: "call-2", title: "Remove everything" },
          options: [
            { optionId: "yes", name: "Yes", kind: "allow_once" },
            { optionId: "always", name: "Always", kind: "allow_always" },
            { optionId: "no", name: "No", kind: "reject_once" }
          ]
        })
        await say(outcome.outcome === "selected" ? outcome.optionId : outcome.outcome)
        if (outcome.outcome === "cancelled") return { stopReason: "cancelled" }
        break
      }
      case "ask-anew":
      case "ask-late":
      case "ask-edit": {
        // The arguments: told with the question only, after the call, and as a preview.
        const toolCallId = "call-4"
        if (word === "ask-late") {
          await tell({
            sessionUpdate: "tool_call",
            toolCallId,
            title: "Run",
            kind: "execute",
            status: "pending",
            rawInput: {}
          })
          await tell({ sessionUpdate: "tool_call_update", toolCallId, rawInput: { command: "rm -r build" } })
        }
        const preview = /** @type {const} */ ({ type: "diff", path: "a.txt", oldText: "one", newText: "two" })
        await client.request(m.client.session.requestPermission, {
          sessionId,
          toolCall: {
            toolCallId,
            title: "Run",
            ...(word === "ask-edit" ? { content: [preview] } : { rawInput: { command: "rm -r build" } })
          },
          options: [{ optionId: "yes", name: "Yes", kind: "allow_once" }]
        })
        await tell({ sessionUpdate: "tool_call_update", toolCallId, status: "completed" })
        break
      }
      case "ask-oddly": {
        /** @param {string} optionId */
        const option = (optionId) => ({ optionId, name: "Yes", kind: /** @type {const} */ ("allow_once") })
        await client.request(m.client.session.requestPermission, {
          sessionId,
          toolCall: { toolCallId: "call-3" },
          options: ["", "one", "one", "x".repeat(501), ...Array.from({ length: 300 }, (_, n) => `more-${n}`)].map(
            option
          )
        })
        break
      }
      case "read":
        await say((await client.request(m.client.fs.readTextFile, { sessionId, path: argument })).content)
        break
      case "write":
        await client.request(m.client.fs.writeTextFile, { sessionId, path: argument, content: "written" })
        await say("done")
        break
      case "try-read":
      case "try-write":
      case "try-terminal": {
        const request =
          word === "try-read"
            ? client.request(m.client.fs.readTextFile, { sessionId, path: argument })
            : word === "try-write"
              ? client.request(m.client.fs.writeTextFile, { sessionId, path: argument, content: "x" })
              : client.request(m.client.terminal.create, { sessionId, command: "id" })
        await say(
          await request.then(
            () => "let",
            (error) => `refused ${error.code}`
          )
        )
        break
      }
      case "wait":
        await say("waiting")
        await Promise.race([cancelled, sleep(60_000)])
        writeFileSync(join(session.cwd, "cancelled"), "")
        return { stopReason: "cancelled" }
      case "hang":
        await say("hanging")
        await sleep(60_000)
        break
      case "die":
        process.stderr.write(`cannot go on: ${process.env.TOKEN}\n`)
        await say("so far")
        process.exit(7)
        break
      case "die-later":
        await say("soon")
        setTimeout(() => {
          process.stderr.write(`cannot stay: ${process.env.TOKEN}\n`)
          process.exit(7)
        }, 200)
        break
      case "mute-later":
        await say("soon")
        setTimeout(() => closeSync(1), 200)
        setInterval(() => {}, 1000)
        break
      case "hoard-later":
        await say("soon")
        setInterval(() => hoard.length < maxHoard && hoard.push(Buffer.alloc(10_000_000, 1)), 5)
        break
      case "slow":
        await sleep(400)
        await say(`${session.turns}:slow`)
        break
      case "limit":
        return { stopReason: "max_tokens" }
      case "refuse":
        return { stopReason: "refusal" }
      case "fail":
        throw new Error("internal words")
      case "flood":
        while (true) await say("x".repeat(10_000))
      case "line":
        process.stdout.write("x".repeat(100_000_000))
        await sleep(60_000)
        break
      case "many":
        for (let n = 0; n < 5_000; n++) await say(`${n} `)
        break
      case "child":
        spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { detached: true, stdio: "ignore" })
        await say("started")
        break
      default:
        await say(`${session.turns}:${word}`)
    }
    return { stopReason: "end_turn" }
  })

if (!process.argv.includes("--mute")) {
  app.connect(acp.ndJsonStream(Writable.toWeb(process.stdout), /** @type {any} */ (Readable.toWeb(process.stdin))))
}
