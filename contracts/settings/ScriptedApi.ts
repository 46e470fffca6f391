/** A runtime that says exactly what a test wants it to: answers by method and path over a scripted peer. */
import type { Socket } from "node:net"
import * as ScriptedPeer from "../support/ScriptedPeer.ts"

/** The bytes of an answer, or what else to do with the connection. */
export type Answer = string | ((socket: Socket) => void)

/** By `GET /v1/runtime`; the query is not looked at. */
export type Answers = Readonly<Record<string, Answer>>

const json = "content-type: application/json\r\n"

export const ok = (body: unknown, headers = "") => ScriptedPeer.answer(JSON.stringify(body), json + headers)
export const problem = (status: string, code: string, message = "said by the peer") =>
  ScriptedPeer.answer(JSON.stringify({ error: { code, message } }), json, status)
export const html = (status = "200 OK") => ScriptedPeer.answer("<h1>hello</h1>", "content-type: text/html\r\n", status)

const limits = { max_transcript_projection_items: 256, max_event_batch_items: 256 }

export const capabilities = {
  "workers.create": {},
  "workers.input": {},
  "workers.stop": {},
  "workers.cancel": {},
  "workers.transcript": {},
  "events.ws": {},
  config_bundles: {}
}

export const runtime = (more: object = {}) => ({
  runtime: {
    runtime_id: "rt-1",
    display_name: "Scripted",
    backend: "memory",
    status: "running",
    worker_count: 0,
    active_worker_count: 0,
    stopped_worker_count: 0,
    cancelled_worker_count: 0,
    diagnostic_count: 0,
    limits,
    worker_creation_available: true,
    version: "1.2.3",
    capabilities,
    ...more
  }
})

export const worker = {
  worker_ref: { runtime_id: "rt-1", worker_id: "w-1" },
  runtime_id: "rt-1",
  worker_id: "w-1",
  status: "running",
  execution: { backend: "connected", run_state: "idle" },
  profile: { kind: "runtime_default" },
  config_bundle: { id: "b", digest: "0".repeat(64) },
  transcript_len: 0,
  last_event_id: 0
}

/** A runtime without workers. */
export const good: Answers = {
  "GET /v1/runtime": ok(runtime()),
  "GET /v1/workers": ok({ workers: [] }),
  "GET /v1/config-bundles": ok({ bundles: [] })
}

export const make = (answers: Answers, options?: ScriptedPeer.Options) =>
  ScriptedPeer.make((socket, head) => {
    const [method = "", target = ""] = head.split(" ")
    const said = answers[`${method} ${target.split("?")[0]}`] ?? answers["*"] ?? problem("404 Not Found", "not_found")
    if (typeof said === "string") socket.write(said)
    else said(socket)
  }, options)
