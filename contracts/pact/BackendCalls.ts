/** Calls of the browser API that bring a backend into a state. */

/** How long a worker may take to be as it is wanted, in milliseconds. */
const settleMs = 10_000
const pollMs = 20

export interface Answer {
  readonly etag: string
  readonly body: Readonly<Record<string, unknown>>
}

export type Call = (method: string, path: string, body?: object) => Promise<Answer>

export const caller =
  (base: string): Call =>
  async (method, path, body) => {
    const response = await fetch(base + path, {
      method,
      ...(body === undefined
        ? undefined
        : { headers: { "content-type": "application/json" }, body: JSON.stringify(body) })
    })
    const said = await response.text()
    if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${said}`)
    return { etag: response.headers.get("etag") ?? "", body: JSON.parse(said) as Answer["body"] }
  }

export interface Worker {
  readonly worker_id: string
  readonly state: string
  readonly transcript_len: number
  readonly permission_requests?: ReadonlyArray<{
    readonly id: string
    readonly options: ReadonlyArray<{ readonly id: string }>
  }>
}

export const workersOf = (runtime_id: string): string => `/api/runtimes/${runtime_id}/workers`

const workerOf = ({ body }: Answer): Worker => body["worker"] as Worker

export const create = async (call: Call, runtime_id: string, content?: string): Promise<string> =>
  workerOf(
    await call("POST", workersOf(runtime_id), content === undefined ? {} : { initial_input: { kind: "user", content } })
  ).worker_id

/** The worker once it is as it is wanted. */
export const until = async (
  call: Call,
  runtime_id: string,
  worker_id: string,
  wanted: (worker: Worker) => boolean
): Promise<Worker> => {
  const end = performance.now() + settleMs
  for (;;) {
    const worker = workerOf(await call("GET", `${workersOf(runtime_id)}/${worker_id}`))
    if (wanted(worker)) return worker
    if (performance.now() > end) throw new Error(`The worker was not as wanted after ${settleMs} ms.`)
    await new Promise((resolve) => setTimeout(resolve, pollMs))
  }
}

/** What a frame's state tells about how to see it: the call that makes the backend send it, once somebody watches. */
export interface Begin {
  readonly method: string
  readonly path: string
  readonly body?: object
}
export const begins = (begin: Begin): { readonly begin: string } => ({ begin: JSON.stringify(begin) })
