/** A small Acme server in memory: what the tests and `npm run fake` talk to. */
import { createServer, type IncomingMessage } from "node:http"
import type { AddressInfo } from "node:net"
import { text } from "node:stream/consumers"

interface Stored {
  readonly id: string
  readonly title: string
  readonly project: string
  readonly created: string
  readonly log: Array<{ readonly author: string; readonly text: string; readonly change: number }>
  state: "ready" | "working" | "stopped" | "cancelled"
  changes: number
}

class Refused extends Error {
  readonly status: number
  constructor(status: number, word: string) {
    super(word)
    this.status = status
  }
}

const shown = ({ changes, created, id, log, state, title }: Stored) => ({
  id,
  title,
  state,
  messages: log.length,
  changes,
  created
})

/** @param port 0 takes any free one */
export const start = async (token: string, port = 0) => {
  const sessions = new Map<string, Stored>()
  let made = 0

  const say = (it: Stored, author: string, said: string) => {
    it.changes += 1
    it.log.push({ author, text: said, change: it.changes })
  }
  /** Works for a moment and answers, unless it is told to go on until it is ended. */
  const work = (it: Stored, said: string) => {
    it.state = "working"
    if (said.startsWith("/hold")) return
    setTimeout(() => {
      if (it.state !== "working") return
      say(it, "assistant", `You said: ${said}`)
      it.state = "ready"
    }, 5)
  }
  const find = (id: string) => {
    const found = sessions.get(id)
    if (found === undefined) throw new Refused(404, "no_session")
    return found
  }

  const list = (query: URLSearchParams) => {
    const all = [...sessions.values()].filter(({ project }) => project === query.get("project"))
    const after = query.get("after")
    const from = after === null ? 0 : all.findIndex(({ id }) => id === after) + 1
    if (after !== null && from === 0) throw new Refused(400, "no_place")
    const state = query.get("state")
    const left = all.slice(from).filter((it) => state === null || it.state === state)
    const page = left.slice(0, Number(query.get("limit")))
    return { sessions: page.map(shown), next: page.length < left.length ? page.at(-1)?.id : null }
  }

  const create = (asked: { id?: string; title: string; project: string; first?: string }) => {
    const { first, id = `session-${(made += 1)}`, project, title } = asked
    if (sessions.has(id)) throw new Refused(409, "id_taken")
    if (sessions.size >= 1_000) throw new Refused(429, "quota")
    const it: Stored = { id, title, project, created: new Date().toISOString(), log: [], state: "ready", changes: 1 }
    sessions.set(id, it)
    if (first !== undefined) {
      say(it, "user", first)
      work(it, first)
    }
    return shown(it)
  }

  const answer = async (request: IncomingMessage): Promise<unknown> => {
    if (request.headers.authorization !== `Bearer ${token}`) throw new Refused(401, "who_are_you")
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://fake.invalid")
    const [, version, what, id, messages] = pathname.split("/")
    const body = await text(request)
    const route = `${request.method} ${version}/${what}${id === undefined ? "" : "/:id"}${messages === undefined ? "" : `/${messages}`}`
    switch (route) {
      case "GET v1/status":
        return { version: "1.4.0", sessions: sessions.size }
      case "GET v1/sessions":
        return list(searchParams)
      case "POST v1/sessions":
        return create(JSON.parse(body))
      case "GET v1/sessions/:id":
        return shown(find(id ?? ""))
      case "DELETE v1/sessions/:id": {
        const it = find(id ?? "")
        if (it.state === "ready" || it.state === "working") {
          it.state = searchParams.get("how") === "cancelled" ? "cancelled" : "stopped"
          it.changes += 1
        }
        return shown(it)
      }
      case "GET v1/sessions/:id/messages": {
        const { log } = find(id ?? "")
        const from = Number(searchParams.get("from"))
        return { messages: log.slice(from, from + Number(searchParams.get("count"))), total: log.length }
      }
      case "POST v1/sessions/:id/messages": {
        const it = find(id ?? "")
        const said = JSON.parse(body) as { author: string; text: string }
        if (it.state !== "ready") throw new Refused(409, it.state === "working" ? "working" : "ended")
        say(it, said.author, said.text)
        const position = it.log.length
        const { changes } = it
        work(it, said.text)
        return { session: { ...shown(it), changes }, position }
      }
      default:
        throw new Refused(404, "no_such_path")
    }
  }

  const server = createServer((request, response) => {
    const send = (status: number, body: unknown) =>
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body))
    answer(request).then(
      (body) => send(200, body),
      (thrown) => send(thrown instanceof Refused ? thrown.status : 500, { error: (thrown as Error).message })
    )
  })
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve))
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise<void>((resolve) => {
        server.closeAllConnections()
        server.close(() => resolve())
      })
  }
}

if (process.argv[1] === import.meta.filename) {
  const { endpoint } = await start(process.env["ACME_TOKEN"] ?? "acme", Number(process.env["PORT"] ?? 0))
  console.log(endpoint)
}
