/** One call of an opencode server: its password on, bounds on, and either the decoded answer or exactly one problem. */
import { Effect, Option, type Redacted, Schema } from "effect"
import * as Problem from "../../domain/Problem.ts"
import * as RuntimeFault from "../../domain/RuntimeFault.ts"
import type { EgressClient } from "../egress/EgressClient.ts"
import * as EgressEvents from "../egress/EgressEvents.ts"
import type { EgressFailure } from "../egress/EgressFailure.ts"
import type { Target } from "../egress/EgressTarget.ts"

/** Time of one call, in milliseconds: what the registry grants for all attempts together. */
const deadlineMs = 5_000

/** Largest answer, in bytes: all messages of a session. */
export const maxAnswerBytes = 33_554_432

/** Longest event, in UTF-16 units: a tool's output is in it. */
const maxEventLength = 8_388_608

/** opencode sends a heartbeat every ten seconds; three missed ones are the end. In milliseconds. */
const deadAfterMs = 35_000

export interface Line {
  readonly client: EgressClient["Service"]
  readonly target: Target
  readonly username: string
  /** Undefined for a server that asks for none. */
  readonly password: Effect.Effect<Redacted.Redacted, Problem.Problem<"secret_unresolvable">> | undefined
  /** The project's folder on the server's machine; undefined = the one that the server was started in. */
  readonly directory: string | undefined
  readonly problemOf: (failure: EgressFailure) => Problem.Problem
  /** What a command's lost answer is: opencode has no keys, so it may have been carried out. */
  readonly uncertain: (problem: Problem.Problem, sent: boolean) => Problem.Problem
}

export interface Call<A> {
  readonly method: "GET" | "POST" | "PATCH"
  readonly path: string
  readonly query?: Readonly<Record<string, string>>
  readonly body?: unknown
  readonly answer: Schema.Codec<A, unknown>
}

const pathOf = ({ directory }: Line, path: string, query: Readonly<Record<string, string>> = {}) => {
  const all = new URLSearchParams({ ...query, ...(directory === undefined ? undefined : { directory }) }).toString()
  return all === "" ? path : `${path}?${all}`
}

const basicOf = Effect.fnUntraced(function* ({ password, username }: Line) {
  return password === undefined ? undefined : { basic: { user: username, password: yield* password } }
})

/** @param worker whether the path names a session */
const refusal = (status: number, worker: boolean): Problem.Problem => {
  if (status === 401) return RuntimeFault.problem("unauthorized")
  if (status === 403) return RuntimeFault.problem("forbidden")
  if (status === 404) return worker ? Problem.make("worker_not_found") : RuntimeFault.problem("not_a_runtime")
  if (status === 413) return Problem.make("payload_too_large")
  return RuntimeFault.problem(status >= 500 ? "failed" : "not_a_runtime")
}

export const send = Effect.fnUntraced(function* <A>(line: Line, call: Call<A>) {
  const command = call.method !== "GET"
  const { body, status } = yield* line.client
    .request({
      target: line.target,
      method: call.method,
      path: pathOf(line, call.path, call.query),
      headers: {
        accept: "application/json",
        ...(call.body === undefined ? {} : { "content-type": "application/json" })
      },
      deadline_ms: deadlineMs,
      max_response_bytes: maxAnswerBytes,
      ...(yield* basicOf(line)),
      ...(call.body === undefined ? undefined : { body: JSON.stringify(call.body) })
    })
    .pipe(
      Effect.mapError((failed) => {
        const problem = line.problemOf(failed)
        return command ? line.uncertain(problem, failed.sent) : problem
      })
    )
  if (status >= 300) return yield* refusal(status, call.path.startsWith("/session/"))
  const text = new TextDecoder().decode(body)
  const decoded = Schema.decodeOption(Schema.fromJsonString(call.answer))(text === "" ? "null" : text)
  if (Option.isNone(decoded)) return yield* RuntimeFault.problem("wrong_shape")
  return decoded.value
})

/** The server's events, from now on. They end with the scope. */
export const events = Effect.fnUntraced(function* (line: Line) {
  const opened = yield* EgressEvents.open(line.target, {
    path: pathOf(line, "/event"),
    max_event_length: maxEventLength,
    dead_after_ms: deadAfterMs,
    ...(yield* basicOf(line))
  }).pipe(
    Effect.mapError((failed) =>
      failed._tag === "EgressFailure" ? line.problemOf(failed) : refusal(failed.status, false)
    )
  )
  return { take: Effect.mapError(opened.take, line.problemOf) }
})
