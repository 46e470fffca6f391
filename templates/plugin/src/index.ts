/** The kind `acme`: the sessions of an Acme server are workers. */
import { apiVersion, type Call, definePromiseSource, fault, problem, type Worker } from "yoi-workspace/plugin"

type Options = { readonly project?: string; readonly model?: "fast" | "careful" }

const states = { ready: "idle", working: "busy", stopped: "stopped", cancelled: "cancelled" } as const

/** As the server answers. */
type Session = Record<"id" | "title" | "created", string> &
  Record<"messages" | "changes", number> & { state: keyof typeof states }
type Message = { readonly author: "user" | "system" | "assistant"; readonly text: string; readonly change: number }

const maxInputBytes = 65_536
const maxPage = 100

const isSession = (it: unknown): it is Session =>
  typeof it === "object" && it !== null && "id" in it && "state" in it && "changes" in it

/** What the server's refusals mean to whoever called. Its own words are shown to nobody. */
const refusal = (status: number, word: unknown) => {
  if (status === 401) return fault("unauthorized")
  if (status === 403) return fault("forbidden")
  if (word === "no_session") return problem("worker_not_found")
  if (word === "id_taken") return problem("worker_id_taken")
  if (word === "working") return problem("worker_busy", undefined, { retry_after_ms: 500 })
  if (word === "ended") return problem("worker_not_running")
  if (word === "no_place") return problem("invalid_cursor")
  if (word === "quota") return problem("worker_limit_reached", undefined, { reason: "quota" })
  if (status === 503) return fault("unavailable")
  return status >= 500 ? fault("failed") : fault("wrong_shape")
}

const checkInput = (content: string) => {
  if (content.trim() === "") throw problem("invalid_request", "An input needs a text.")
  if (Buffer.byteLength(content) > maxInputBytes) throw problem("payload_too_large", undefined, { max: maxInputBytes })
}

const limited = (limit = maxPage) => {
  if (limit < 1) throw problem("invalid_query")
  return Math.min(limit, maxPage)
}

/** An id becomes a part of a path: only what can be one gets there. */
const pathOf = (id: string) => {
  if (!/^[A-Za-z0-9][A-Za-z0-9_-]{0,95}$/.test(id)) throw problem("worker_not_found")
  return `/v1/sessions/${id}`
}

export default definePromiseSource<Options>({
  kind: "acme",
  apiVersion,
  label: "Acme",
  description: "Sessions of an Acme server.",
  endpoint: "required",
  options: {
    type: "object",
    properties: {
      project: { type: "string", title: "Project", description: "Whose sessions are shown.", maxLength: 40 },
      model: { type: "string", title: "Model", description: "What answers in new sessions.", enum: ["fast", "careful"] }
    },
    additionalProperties: false
  },
  secretFields: ["token_ref"],
  // What is not named here is never asked, and what is named is tried by the conformance kit.
  capabilities: {
    "workers.create": {},
    "workers.input": { max_bytes: maxInputBytes },
    "workers.stop": {},
    "workers.cancel": {},
    "workers.transcript": { max_items: maxPage }
  },
  reasons: { quota: "The Acme server has no room for another session." },
  connect: ({ endpoint, id: runtime_id, options: { model = "fast", project = "default" }, token }, host) => {
    /** One guarded request. The token is read anew each time, so that a rotated one is picked up. */
    const ask = async <A>(method: "GET" | "POST" | "DELETE", path: string, { signal }: Call, json?: object) => {
      const answer = await host.fetch(`${endpoint}${path}`, { method, signal, json, bearer: await token?.() })
      const body = answer.json() as A & { readonly error?: unknown }
      if (!answer.ok) throw refusal(answer.status, body.error)
      return body
    }
    const workerOf = (it: unknown): Worker => {
      if (!isSession(it)) throw fault("wrong_shape")
      return {
        runtime_id,
        worker_id: it.id as Worker["worker_id"],
        display_name: it.title,
        profile: { kind: "runtime_default" },
        state: states[it.state],
        config_bundle: null,
        transcript_len: it.messages,
        last_event_id: it.changes,
        created_at: it.created
      }
    }
    const ackOf = (it: unknown) => {
      const { last_event_id: event_id, state, worker_id } = workerOf(it)
      return { runtime_id, worker_id, state, event_id }
    }
    const end = async (id: string, how: "stopped" | "cancelled", call: Call) =>
      ackOf(await ask("DELETE", `${pathOf(id)}?how=${how}`, call))

    return {
      describe: async (call) => {
        const { sessions, version } = await ask<{ version: string; sessions: number }>("GET", "/v1/status", call)
        const profile = { selector: { kind: "runtime_default" }, label: "Acme", description: "A session." } as const
        return { version, worker_count: sessions, max_transcript_items: maxPage, profiles: [profile] }
      },
      list: async ({ cursor, limit, state }, call) => {
        const query = new URLSearchParams({ project, limit: String(limited(limit)) })
        if (cursor !== undefined) query.set("after", cursor)
        const theirs = Object.entries(states).find(([, ours]) => ours === state)
        if (state !== undefined) query.set("state", theirs?.[0] ?? "none")
        type Page = { readonly sessions: ReadonlyArray<unknown>; readonly next: string | null }
        const { next, sessions } = await ask<Page>("GET", `/v1/sessions?${query}`, call)
        return { items: sessions.map(workerOf), next_cursor: next }
      },
      get: async (id, call) => workerOf(await ask("GET", pathOf(id), call)),
      create: async ({ display_name: title = "Session", initial_input, profile, worker_id: id }, _, call) => {
        if (profile !== undefined && profile.kind !== "runtime_default") throw problem("invalid_profile_selector")
        if (initial_input !== undefined && initial_input.kind !== "user") throw problem("invalid_initial_input_kind")
        if (initial_input !== undefined) checkInput(initial_input.content)
        return workerOf(
          await ask("POST", "/v1/sessions", call, { id, title, project, model, first: initial_input?.content })
        )
      },
      input: async (id, { content: text, kind: author, mode = "reject" }, _, call) => {
        if (mode !== "reject") throw problem("operation_unsupported", undefined, { capability: "workers.input" })
        checkInput(text)
        type Said = { readonly position: number; readonly session: unknown }
        const { position, session } = await ask<Said>("POST", `${pathOf(id)}/messages`, call, { author, text })
        return { ...ackOf(session), transcript_sequence: position }
      },
      stop: (id, _reason, _, call) => end(id, "stopped", call),
      cancel: (id, _reason, _, call) => end(id, "cancelled", call),
      transcript: async (id, { limit: wanted, start = 0 }, call) => {
        const limit = limited(wanted)
        type Page = { readonly messages: ReadonlyArray<Message>; readonly total: number }
        const path = `${pathOf(id)}/messages?from=${start}&count=${limit}`
        const { messages, total } = await ask<Page>("GET", path, call)
        const items = messages.map(({ author: role, change: event_id, text: content }, i) => {
          return { sequence: start + i + 1, role, content, event_id }
        })
        const next = start + items.length
        return { start, limit, total_items: total, next_start: next < total ? next : null, items }
      }
    }
  }
})
