/** The one place that calls fetch. Every answer becomes an `Outcome`; a missing session is announced to whoever listens. */
import { LineDecoder } from "./lines.ts"
import { decodeProblem, failed, type Outcome, pageProblem } from "./problem.ts"

/** Longest time a person waits for an answer. Above the backend's own deadlines (5 s, a test 20 s), so theirs is told. */
export const requestTimeoutMs = 30_000

export interface Call {
  readonly method?: "GET" | "POST" | "PATCH" | "DELETE"
  readonly path: string
  readonly query?: Readonly<Record<string, string | number | undefined>>
  readonly body?: unknown
  readonly ifMatch?: string | undefined
  readonly key?: string
  readonly signal?: AbortSignal
}

const json = "application/json, application/problem+json"
const lines = "application/x-ndjson"

type SessionListener = () => void
const listeners = new Set<SessionListener>()

/** Called whenever the API says that it needs a login. */
export const onSessionRequired = (listener: SessionListener): (() => void) => {
  listeners.add(listener)
  return () => listeners.delete(listener)
}
export const announceSessionRequired = (): void => {
  for (const listener of listeners) listener()
}

export const segment = (id: string): string => encodeURIComponent(id)

const urlOf = ({ path, query }: Call): string => {
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(query ?? {}))
    if (value !== undefined && value !== "") search.set(name, String(value))
  return search.size === 0 ? path : `${path}?${search}`
}

interface Answer {
  readonly response: Response
  /** Whether the time for the whole answer is over; reading the rest of it fails then. */
  readonly late: () => boolean
}

const exchange = async (call: Call, accept = json): Promise<Outcome<Answer>> => {
  const headers = new Headers({ accept })
  if (call.body !== undefined) headers.set("content-type", "application/json")
  if (call.ifMatch !== undefined) headers.set("if-match", call.ifMatch)
  if (call.key !== undefined) headers.set("idempotency-key", call.key)
  const timeout = AbortSignal.timeout(requestTimeoutMs)
  try {
    const response = await fetch(urlOf(call), {
      method: call.method ?? "GET",
      headers,
      credentials: "same-origin",
      referrerPolicy: "no-referrer",
      cache: "no-store",
      signal: call.signal === undefined ? timeout : AbortSignal.any([call.signal, timeout]),
      ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) })
    })
    const value = { response, late: () => timeout.aborted }
    return { ok: true, value, etag: response.headers.get("etag") ?? undefined }
  } catch {
    return failed(pageProblem(timeout.aborted ? "backend_timeout" : "backend_unreachable"))
  }
}

const refusal = (
  response: Response,
  body: unknown
): { readonly ok: false; readonly problem: ReturnType<typeof decodeProblem> } => {
  const problem = decodeProblem(response.status, body)
  if (problem.code === "session_required") announceSessionRequired()
  return failed(problem)
}

const parse = async (response: Response): Promise<unknown> => {
  try {
    return await response.json()
  } catch {
    return undefined
  }
}

/** The answer as one JSON document. 204 gives undefined. */
const whole = async <A>({ response }: Answer, etag: string | undefined): Promise<Outcome<A>> => {
  if (response.status === 204) return { ok: true, value: undefined as A, etag }
  const body = await parse(response)
  if (!response.ok) return refusal(response, body)
  if (typeof body !== "object" || body === null) return failed(pageProblem("backend_protocol_error"))
  return { ok: true, value: body as A, etag }
}

/** A call whose answer is JSON. 204 gives undefined. */
export const request = async <A>(call: Call): Promise<Outcome<A>> => {
  const answer = await exchange(call)
  return answer.ok ? whole<A>(answer.value, answer.etag) : answer
}

/**
 * A call that is answered line by line while the work goes on. A backend that answers with one JSON document gives that.
 *
 * @param read gets every line at once, and gives the outcome at the one that is the last
 */
export const requestLines = async <A>(call: Call, read: (line: unknown) => A | undefined): Promise<Outcome<A>> => {
  const answer = await exchange(call, `${lines}, ${json}`)
  if (!answer.ok) return answer
  const { late, response } = answer.value
  if (!response.ok || response.body === null || response.headers.get("content-type")?.startsWith(lines) !== true)
    return whole<A>(answer.value, answer.etag)
  const decoder = new LineDecoder()
  const reader = response.body.getReader()
  try {
    for (;;) {
      // oxlint-disable-next-line no-await-in-loop -- each piece is told before the next has come
      const { done, value: piece } = await reader.read()
      const complete = done ? [decoder.end()].filter((line) => line !== "") : decoder.push(piece)
      if (complete === undefined) return failed(pageProblem("backend_protocol_error"))
      for (const text of complete) {
        const line = parsed(text)
        // What is left at the end is half of a line, unless only its line break is missing.
        if (line === undefined) return failed(pageProblem(done ? "backend_broke_off" : "backend_protocol_error"))
        const value = read(line)
        if (value !== undefined) return { ok: true, value, etag: answer.etag }
      }
      if (done) return failed(pageProblem("backend_broke_off"))
    }
  } catch {
    return failed(pageProblem(late() ? "backend_timeout" : "backend_broke_off"))
  } finally {
    void reader.cancel().catch(() => undefined)
  }
}

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}

/** A call whose answer is a text document, for instance an export. */
export const requestText = async (call: Call): Promise<Outcome<string>> => {
  const answer = await exchange(call)
  if (!answer.ok) return answer
  const { response } = answer.value
  if (!response.ok) return refusal(response, await parse(response))
  return { ok: true, value: await response.text(), etag: answer.etag }
}
