/** A worker-runtime of one busy worker that answers commands as it is told, and keeps what was asked. Plain Node. */
import { Effect, type Scope } from "effect"
import { createServer } from "node:http"

export interface Asked {
  readonly line: string
  readonly key: string | undefined
  readonly body: unknown
}

export interface TellingRuntime {
  readonly port: number
  /** Commands, in order; what is only read is not among them. */
  readonly commands: ReadonlyArray<Asked>
  /** What the next command is answered; after that, and without, an ack. The status 0 is a hang-up. */
  readonly say: (status: number, body: unknown, headers?: Readonly<Record<string, string>>) => void
}

const runtime_id = "telling-1"
export const worker_id = "worker-1"
const ref = { runtime_id, worker_id }

const runtimeOf = (capabilities: object) => ({
  runtime_id,
  display_name: null,
  backend: "memory",
  status: "running",
  worker_count: 1,
  active_worker_count: 1,
  stopped_worker_count: 0,
  cancelled_worker_count: 0,
  diagnostic_count: 0,
  limits: { max_transcript_projection_items: 256, max_event_batch_items: 256 },
  worker_creation_available: true,
  capabilities
})

const worker = {
  worker_ref: ref,
  ...ref,
  status: "running",
  execution: { backend: "connected", run_state: "busy" },
  profile: { kind: "builtin", value: "telling" },
  transcript_len: 1,
  last_event_id: 2
}

/** What a runtime declares whose turns can be steered. */
export const steerable = {
  "workers.create": {},
  "workers.input": { modes: ["reject", "queue", "interrupt"] },
  "workers.stop": {},
  "workers.cancel": {},
  "workers.interrupt": {},
  "workers.permissions": {},
  idempotency: {}
}

/** Serves it on a loopback port of its own until the scope closes. */
export const make = (capabilities: object = steerable): Effect.Effect<TellingRuntime, never, Scope.Scope> =>
  Effect.gen(function* () {
    const commands: Array<Asked> = []
    const answers: Array<{ status: number; body: unknown; headers: Readonly<Record<string, string>> }> = []
    const server = createServer((request, response) => {
      const chunks: Array<Buffer> = []
      request.on("data", (chunk: Buffer) => chunks.push(chunk))
      request.on("end", () => {
        const send = (status: number, body: unknown, headers: Readonly<Record<string, string>> = {}) => {
          response.writeHead(status, { "content-type": "application/json", ...headers })
          response.end(JSON.stringify(body))
        }
        const text = Buffer.concat(chunks).toString()
        if (request.method === "GET" && request.url === "/v1/runtime")
          return send(200, { runtime: runtimeOf(capabilities) })
        if (request.method === "GET") return send(200, { worker })
        commands.push({
          line: `${request.method} ${request.url}`,
          key: request.headers["idempotency-key"] as string | undefined,
          body: text === "" ? undefined : (JSON.parse(text) as unknown)
        })
        const told = answers.shift()
        if (told?.status === 0) return void request.socket.destroy()
        if (told !== undefined) return send(told.status, told.body, told.headers)
        const place = request.url?.endsWith("/input") === true ? { transcript_sequence: 1 } : undefined
        return send(200, { ack: { worker_ref: ref, status: "running", event_id: 3, ...place } })
      })
    })
    const port = yield* Effect.acquireRelease(
      Effect.callback<number>((resume) => {
        server.listen(0, "127.0.0.1", () => {
          const bound = server.address()
          resume(Effect.succeed(typeof bound === "object" && bound !== null ? bound.port : 0))
        })
      }),
      () =>
        Effect.callback<void>((resume) => {
          server.close(() => resume(Effect.void))
          server.closeAllConnections()
        })
    )
    return { port, commands, say: (status, body, headers = {}) => void answers.push({ status, body, headers }) }
  })
