/**
 * What an opencode server looks like from outside, as far as the kind `opencode` uses it: routes, statuses and the order of
 * its events were recorded from version 1.18.33. Its model repeats what it is told; `/wait MS` keeps it busy before that,
 * `/fail` ends the turn with an error, `/tool` calls a tool, `/large-tool` one that gives much. Sessions survive
 * `restart`, as they do there.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import { Effect } from "effect"

interface Session {
  readonly info: Record<string, unknown> & { readonly id: string; title: string; time: Record<string, number> }
  readonly messages: Array<{ info: Record<string, unknown>; parts: Array<Record<string, unknown>> }>
  turn: AbortController | undefined
}

export const version = "1.18.33"

/** Length of what `/large-tool` gives. */
export const largeOutput = 3_000_000

/** Time between two words, in milliseconds: so that a turn has a middle. */
const wordMs = 2

const agents = [
  { name: "build", mode: "primary", native: true, description: "The default agent." },
  { name: "plan", mode: "primary", native: true, description: "Plan mode." },
  { name: "general", mode: "subagent", native: true, description: "For research." },
  { name: "title", mode: "primary", hidden: true, native: true }
]

/** @param password of the user `opencode`; undefined for a server without one */
export const make = Effect.fnUntraced(function* (password: string | undefined) {
  const sessions = new Map<string, Session>()
  const listeners = new Set<ServerResponse>()
  let ids = 0
  const id = (kind: string) => `${kind}_1fb8${(++ids).toString(16).padStart(8, "0")}WOF0eciVkvS2`

  const publish = (type: string, properties: object) => {
    const text = `data: ${JSON.stringify({ id: id("evt"), type, properties })}\n\n`
    for (const listener of listeners) listener.write(text)
  }
  const updated = ({ info }: Session) => {
    info.time = { ...info.time, updated: info.time.updated! + 1 }
    publish("session.updated", { sessionID: info.id, info })
  }
  const status = (sessionID: string, type: string) => {
    publish("session.status", { sessionID, status: { type } })
    if (type === "idle") publish("session.idle", { sessionID })
  }
  const part = (sessionID: string, message: Session["messages"][number], it: Record<string, unknown>) => {
    const known = message.parts.findIndex((one) => one["id"] === it["id"])
    if (known < 0) message.parts.push(it)
    else message.parts[known] = it
    publish("message.part.updated", { sessionID, part: it, time: 0 })
  }

  const pause = (ms: number, signal: AbortSignal) =>
    new Promise<void>((resolve, reject) => {
      const timer = setTimeout(resolve, ms)
      signal.addEventListener("abort", () => {
        clearTimeout(timer)
        reject(new Error("aborted"))
      })
    })

  const answer = async (session: Session, said: string, signal: AbortSignal) => {
    const sessionID = session.info.id
    const info = { id: id("msg"), role: "assistant", sessionID, time: { created: 0 } }
    const message = { info, parts: [] }
    status(sessionID, "busy")
    session.messages.push(message)
    publish("message.updated", { sessionID, info })
    const common = () => ({ id: id("prt"), messageID: info.id, sessionID })
    part(sessionID, message, { ...common(), type: "step-start" })
    const wait = /^\/wait (\d+)/.exec(said)
    if (wait !== null) await pause(Number(wait[1]), signal)
    if (said === "/fail") {
      publish("session.error", { sessionID, error: { name: "APIError", data: { message: "canary-upstream" } } })
      return
    }
    if (said === "/tool" || said === "/large-tool") {
      const tool = { ...common(), type: "tool", callID: "call_1", tool: "read" }
      const input = { filePath: "a.txt" }
      const output = said === "/tool" ? "one" : "x".repeat(largeOutput)
      part(sessionID, message, { ...tool, state: { status: "pending", input: {} } })
      part(sessionID, message, { ...tool, state: { status: "running", input } })
      part(sessionID, message, { ...tool, state: { status: "completed", input, title: "a.txt", output } })
    }
    const reasoning = { ...common(), type: "reasoning" }
    part(sessionID, message, { ...reasoning, text: "", time: { start: 1 } })
    publish("message.part.delta", { ...names(reasoning, sessionID), field: "text", delta: "hm" })
    part(sessionID, message, { ...reasoning, text: "hm", time: { start: 1, end: 2 } })
    const text = { ...common(), type: "text" }
    part(sessionID, message, { ...text, text: "", time: { start: 1 } })
    let grown = ""
    for (const word of `echo: ${said}`.split(/(?<= )/).slice(0, 200)) {
      await pause(wordMs, signal)
      grown += word
      publish("message.part.delta", { ...names(text, sessionID), field: "text", delta: word })
    }
    part(sessionID, message, { ...text, text: grown, time: { start: 1, end: 2 } })
    const tokens = { total: 3, input: 1, output: 2 }
    part(sessionID, message, { ...common(), type: "step-finish", reason: "stop", tokens })
    publish("message.updated", { sessionID, info: { ...info, time: { created: 0, completed: 1 } } })
  }
  const names = (it: { readonly id: string; readonly messageID: string }, sessionID: string) => ({
    sessionID,
    messageID: it.messageID,
    partID: it.id
  })

  const prompt = (session: Session, text: string) => {
    const sessionID = session.info.id
    const info = { id: id("msg"), role: "user", sessionID, time: { created: 0 } }
    const message = { info, parts: [] }
    session.messages.push(message)
    publish("message.updated", { sessionID, info })
    part(sessionID, message, { id: id("prt"), messageID: info.id, sessionID, type: "text", text })
    updated(session)
    const turn = new AbortController()
    session.turn = turn
    void answer(session, text, turn.signal)
      .catch(() => {
        publish("session.error", { sessionID, error: { name: "MessageAbortedError", data: { message: "Aborted" } } })
        status(sessionID, "idle")
      })
      .then(() => {
        if (session.turn === turn) session.turn = undefined
        status(sessionID, "idle")
        updated(session)
      })
  }

  const isAllowed = ({ headers }: IncomingMessage) =>
    password === undefined ||
    headers.authorization === `Basic ${Buffer.from(`opencode:${password}`).toString("base64")}`

  const route = (request: IncomingMessage, response: ServerResponse, body: string) => {
    const send = (code: number, value?: unknown) => {
      response.writeHead(code, value === undefined ? {} : { "content-type": "application/json" })
      response.end(value === undefined ? undefined : JSON.stringify(value))
    }
    if (!isAllowed(request)) {
      response.writeHead(401, { "www-authenticate": 'Basic realm="Secure Area"' })
      return response.end()
    }
    const { pathname } = new URL(request.url ?? "/", "http://x")
    const asked = `${request.method} ${pathname.replace(/^\/session\/ses_[^/]+/, "/session/:id")}`
    const found = sessions.get(/^\/session\/([^/]+)/.exec(pathname)?.[1] ?? "")
    if (asked.includes("/:id") && found === undefined) {
      return send(404, { name: "NotFoundError", data: { message: "Session not found" } })
    }
    const sent = (body === "" ? {} : JSON.parse(body)) as Record<string, unknown>
    switch (asked) {
      case "GET /global/health":
        return send(200, { healthy: true, version })
      case "GET /agent":
        return send(200, agents)
      case "GET /session":
        return send(
          200,
          [...sessions.values()].map(({ info }) => info)
        )
      case "GET /session/status":
        return send(
          200,
          Object.fromEntries([...sessions].flatMap(([name, { turn }]) => (turn ? [[name, { type: "busy" }]] : [])))
        )
      case "POST /session": {
        const time = { created: 1_795_221_038_000 + ids, updated: 1_795_221_038_000 + ids }
        const info = { id: id("ses"), title: "New session", version, directory: "/srv", ...sent, time }
        sessions.set(info.id, { info, messages: [], turn: undefined })
        publish("session.created", { sessionID: info.id, info })
        return send(200, info)
      }
      case "GET /session/:id":
        return send(200, found!.info)
      case "PATCH /session/:id":
        Object.assign(found!.info.time, sent["time"])
        updated(found!)
        return send(200, found!.info)
      case "GET /session/:id/message":
        return send(200, found!.messages)
      case "POST /session/:id/prompt_async":
        send(204)
        return prompt(found!, (sent["parts"] as ReadonlyArray<{ readonly text: string }>)[0]!.text)
      case "POST /session/:id/abort":
        found!.turn?.abort()
        return send(200, true)
      case "GET /event": {
        response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" })
        listeners.add(response)
        response.once("close", () => listeners.delete(response))
        return response.write(
          `data: ${JSON.stringify({ id: id("evt"), type: "server.connected", properties: {} })}\n\n`
        )
      }
      default:
        return send(404, { name: "NotFoundError", data: {} })
    }
  }

  const server = createServer((request, response) => {
    const chunks: Array<Buffer> = []
    request.on("data", (chunk: Buffer) => chunks.push(chunk))
    request.on("end", () => route(request, response, Buffer.concat(chunks).toString()))
  })
  const listen = (port: number) =>
    Effect.callback<number>((resume) => {
      server.listen(port, "127.0.0.1", () => {
        const bound = server.address()
        resume(Effect.succeed(typeof bound === "object" && bound !== null ? bound.port : 0))
      })
    })
  const close = Effect.callback<void>((resume) => {
    for (const { turn } of sessions.values()) turn?.abort()
    server.close(() => resume(Effect.void))
    server.closeAllConnections()
  })
  const port = yield* Effect.acquireRelease(listen(0), () => close)
  return {
    port,
    openStreams: Effect.sync(() => listeners.size),
    /** Somebody else says something in a session, or does something with it. */
    say: (session: string, text: string) => Effect.sync(() => prompt(sessions.get(session)!, text)),
    remove: (session: string) =>
      Effect.sync(() => {
        const { info } = sessions.get(session)!
        sessions.delete(session)
        publish("session.deleted", { sessionID: session, info })
      }),
    sessions: () => [...sessions.keys()],
    restart: Effect.andThen(close, Effect.asVoid(listen(port)))
  }
})
