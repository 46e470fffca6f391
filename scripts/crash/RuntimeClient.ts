/** Talks to a worker-runtime with fetch alone, so that nothing of the product judges itself. */
export interface Ack {
  /** 0 for an input that waits. */
  readonly transcript_sequence: number
  readonly event_id: number
  readonly queued?: { readonly input_id: string } | null
}

/** What is asked for an input that meets a busy worker. */
export type Mode = "reject" | "queue"

export interface Item {
  readonly sequence: number
  readonly role: string
  readonly content: string
  readonly event_id: number
}

export interface Answer {
  readonly status: number
  readonly replayed: boolean
  readonly body: { readonly ack?: Ack; readonly error?: { readonly code: string } }
}

/** How long one call may take, in milliseconds. */
const callLimit = 30_000

const call = async (url: string, init: RequestInit = {}): Promise<Response> =>
  fetch(url, { ...init, signal: AbortSignal.timeout(callLimit) })

const post = (url: string, body: unknown, key?: string): Promise<Response> =>
  call(url, {
    method: "POST",
    headers: { "content-type": "application/json", ...(key === undefined ? {} : { "idempotency-key": key }) },
    body: JSON.stringify(body)
  })

export const createWorker = async (url: string, worker_id: string): Promise<number> => {
  const response = await post(`${url}/v1/workers`, { worker_id }, `create-${worker_id}`)
  await response.text()
  return response.status
}

/** @param content is its own idempotency key */
export const sendInput = async (url: string, worker_id: string, content: string, mode: Mode): Promise<Answer> => {
  const response = await post(`${url}/v1/workers/${worker_id}/input`, { kind: "user", content, mode }, content)
  const body = (await response.json()) as Answer["body"]
  return { status: response.status, replayed: response.headers.get("idempotent-replayed") === "true", body }
}

export const readTranscript = async (url: string, worker_id: string): Promise<ReadonlyArray<Item>> => {
  const items: Array<Item> = []
  let start: number | null = 0
  while (start !== null) {
    const response = await call(`${url}/v1/workers/${worker_id}/transcript?start=${start}`)
    if (!response.ok) throw new Error(`The transcript of ${worker_id} answered ${response.status}.`)
    const { transcript } = (await response.json()) as {
      transcript: { items: ReadonlyArray<Item>; next_start: number | null }
    }
    items.push(...transcript.items)
    start = transcript.next_start
  }
  return items
}

export interface Worker {
  readonly last_event_id: number
  readonly execution: { readonly run_state: string }
  readonly queued_inputs?: ReadonlyArray<unknown> | null
}

export const readWorker = async (url: string, worker_id: string): Promise<Worker> => {
  const response = await call(`${url}/v1/workers/${worker_id}`)
  const { worker } = (await response.json()) as { worker: Worker }
  return worker
}
