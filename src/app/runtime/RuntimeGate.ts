/** What is refused before routing. A runtime without a token must not be reachable from a web page on the same machine. */
import type { IncomingMessage } from "node:http"
import { encode } from "../../domain/api/RuntimeProblems.ts"
import * as Problem from "../../domain/Problem.ts"
import type { Gate, Refusal } from "../http/NodeServer.ts"
import { headersOf } from "./ErrorAnswer.ts"

const refusal = (problem: Problem.Problem): Refusal => ({
  status: problem.status,
  headers: { ...headersOf(problem), "content-type": "application/json" },
  body: JSON.stringify(encode(problem))
})

const browser = refusal(
  Problem.make(
    "origin_refused",
    "Browsers do not talk to a worker-runtime, and without a token it answers to loopback names only."
  )
)

const malformed = {
  header_too_large: refusal(
    Problem.make("invalid_request", "The request line or the headers are too large.", { reason: "headers_too_large" })
  ),
  timeout: refusal(Problem.make("request_timeout")),
  bad_request: refusal(Problem.make("invalid_request", "The request is not HTTP.", { reason: "malformed" }))
} as const

const loopback = /^(localhost|127(\.[0-9]{1,3}){3}|\[::1\])(:[0-9]{1,5})?$/i

/**
 * A name that resolves to this machine (rebinding) shows in Host; a page of another origin shows in Origin. With a
 * token neither matters: no page can send it.
 */
const fromBrowser = ({ headers }: IncomingMessage): boolean =>
  !loopback.test(headers.host ?? "") || (headers.origin !== undefined && headers.origin !== `http://${headers.host}`)

/** @param guarded whether callers have to show a token */
export const make = (guarded: boolean): Gate => ({
  admit: (request) => (guarded || !fromBrowser(request) ? undefined : browser),
  headers: [["x-content-type-options", "nosniff"]],
  malformed: (kind) => malformed[kind]
})
