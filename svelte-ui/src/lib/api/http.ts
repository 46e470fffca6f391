/** The one place that calls fetch. Every answer becomes an `Outcome`; a missing session is announced to whoever listens. */
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

const exchange = async (call: Call): Promise<Outcome<Response>> => {
  const headers = new Headers({ accept: "application/json, application/problem+json" })
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
    return { ok: true, value: response, etag: response.headers.get("etag") ?? undefined }
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

/** A call whose answer is JSON. 204 gives undefined. */
export const request = async <A>(call: Call): Promise<Outcome<A>> => {
  const answer = await exchange(call)
  if (!answer.ok) return answer
  const response = answer.value
  if (response.status === 204) return { ok: true, value: undefined as A, etag: answer.etag }
  const body = await parse(response)
  if (!response.ok) return refusal(response, body)
  if (typeof body !== "object" || body === null) return failed(pageProblem("backend_protocol_error"))
  return { ok: true, value: body as A, etag: answer.etag }
}

/** A call whose answer is a text document, for instance an export. */
export const requestText = async (call: Call): Promise<Outcome<string>> => {
  const answer = await exchange(call)
  if (!answer.ok) return answer
  if (!answer.value.ok) return refusal(answer.value, await parse(answer.value))
  return { ok: true, value: await answer.value.text(), etag: answer.etag }
}
