/** Plays a pact against a running provider: brings it into each state, asks, and compares the answer. */
import { Effect, Option, Queue, Redacted } from "effect"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as Json from "../../../adapters/remote-http/Json.ts"
import { subprotocol } from "../../../adapters/remote-http/RemoteStream.ts"
import * as Match from "./Match.ts"
import type { Http, Interaction, Message, PactFile } from "./PactFile.ts"
import { type Asked, deadlineMs, type Provider } from "./Provider.ts"
import * as States from "./States.ts"

export type Outcome =
  | { readonly _tag: "passed" }
  | { readonly _tag: "skipped"; readonly why: string }
  | {
      readonly _tag: "failed"
      readonly differences: ReadonlyArray<string>
      /** A command line that shows the same answer. */
      readonly reproduce?: string
    }

export interface Checked {
  readonly name: string
  readonly state: string
  readonly outcome: Outcome
}

const failed = (differences: ReadonlyArray<string>, reproduce?: string): Outcome => ({
  _tag: "failed",
  differences,
  ...(reproduce === undefined ? undefined : { reproduce })
})

const verdict = (differences: ReadonlyArray<string>, reproduce?: string): Outcome =>
  differences.length === 0 ? { _tag: "passed" } : failed(differences, reproduce)

const named = (expression: string, values: States.Reached, as: (value: string) => string = (value) => value): string =>
  expression.replaceAll(/\$\{(\w+)\}/g, (_, name: string) => as(values[name] ?? ""))

const queryOf = (query: Readonly<Record<string, ReadonlyArray<string>>> = {}): string => {
  const pairs = Object.entries(query).flatMap(([name, values]) =>
    values.map((value) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`)
  )
  return pairs.length === 0 ? "" : `?${pairs.join("&")}`
}

/** The request as this provider has to get it: with its own names, a key of its own and its own token. */
const requestOf = Effect.fnUntraced(function* ({ request }: Http, values: States.Reached) {
  const random = yield* SecureRandom.SecureRandom
  const { generators, matchingRules } = request
  const headers: Record<string, string> = {}
  let bearer: Redacted.Redacted | undefined
  for (const [given, sent] of Object.entries(request.headers ?? {})) {
    const name = given.toLowerCase()
    const value = sent.join(", ")
    if (name !== "authorization") {
      const generator = generators?.header?.[given]
      if (generator?.type === "Uuid") headers[name] = yield* random.uuidV7()
      else headers[name] = generator?.expression === undefined ? value : named(generator.expression, values)
    } else if (matchingRules?.header?.[given] === undefined) bearer = Redacted.make(value.replace(/^Bearer /, ""))
  }
  const path =
    generators?.path?.expression === undefined
      ? request.path
      : named(generators.path.expression, values, encodeURIComponent)
  return {
    method: request.method,
    path: path + queryOf(request.query),
    headers,
    ...(bearer === undefined ? undefined : { bearer }),
    ...(request.body === undefined ? undefined : { body: JSON.stringify(request.body.content) })
  } satisfies Asked
})

const quoted = (text: string): string => `'${text.replaceAll("'", String.raw`'\''`)}'`

const curlOf = (provider: Provider, { bearer, body, headers, method, path }: Asked): string =>
  [
    "curl -i",
    ...(method === "GET" ? [] : [`-X ${method}`]),
    quoted(provider.url + path),
    ...Object.entries(headers ?? {}).map(([name, value]) => `-H ${quoted(`${name}: ${value}`)}`),
    // The pact's own token is a wrong one on purpose; the runtime's is never shown.
    ...(bearer === undefined
      ? provider.token === undefined
        ? []
        : ['-H "authorization: Bearer $TOKEN"']
      : [`-H ${quoted(`authorization: Bearer ${Redacted.value(bearer)}`)}`]),
    ...(body === undefined ? [] : [`-d ${quoted(body)}`])
  ].join(" ")

const checkHttp = Effect.fnUntraced(function* (provider: Provider, it: Http, values: States.Reached) {
  const asked = yield* requestOf(it, values)
  const curl = curlOf(provider, asked)
  const answered = yield* Effect.result(provider.send(asked))
  if (answered._tag === "Failure") return failed([`${answered.failure.message}.`], curl)
  const { headers, json, status } = answered.success
  const { response } = it
  const differences: Array<string> = []
  if (status !== response.status) differences.push(`the status is ${status} and has to be ${response.status}`)
  differences.push(...Match.headers(response.headers ?? {}, headers, response.matchingRules?.header))
  if (response.body !== undefined) {
    if (json === undefined) differences.push("the body is not JSON")
    else differences.push(...Match.body(response.body.content, json, response.matchingRules?.body))
  }
  return verdict(differences, curl)
})

const member = (value: unknown, name: string): unknown =>
  typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>)[name] : undefined

/** An upgrade by hand: what comes after the head is frames. */
const upgradeOf = (provider: Provider, worker_id: string): string =>
  curlOf(provider, {
    method: "GET",
    path: `/v1/workers/${encodeURIComponent(worker_id)}/events/ws`,
    headers: {
      connection: "Upgrade",
      upgrade: "websocket",
      "sec-websocket-version": "13",
      "sec-websocket-key": "Y29udHJhY3QtdmVyaWZ5IQ==",
      "sec-websocket-protocol": subprotocol
    }
  }).replace("curl -i", "curl -i -N --http1.1 --output -")

/** The kind of a frame, and the event that it carries. */
const titleOf = (frame: unknown): string => {
  const event = member(member(member(frame, "envelope"), "payload"), "event")
  return `${String(member(frame, "kind"))}${event === undefined ? "" : ` ${String(event)}`}`
}

const inputOf = (worker_id: string): Asked => ({
  method: "POST",
  path: `/v1/workers/${encodeURIComponent(worker_id)}/input`,
  headers: { "content-type": "application/json" },
  body: JSON.stringify({ kind: "user", content: "hello" })
})

const checkMessage = Effect.fnUntraced(function* (
  provider: Provider,
  it: Message,
  state: string,
  values: States.Reached
) {
  const worker_id = values["worker_id"] ?? ""
  const wanted = titleOf(it.contents.content)
  const seen: Array<string> = []
  const arrived = Effect.scoped(
    Effect.gen(function* () {
      const frames = yield* provider.frames(worker_id, values["cursor"])
      if (state === "a worker that answers") yield* provider.send(inputOf(worker_id))
      while (true) {
        const frame = Option.getOrUndefined(Json.parseText(yield* Queue.take(frames)))
        const title = titleOf(frame)
        if (title === wanted) return frame
        if (!seen.includes(title)) seen.push(title)
      }
    })
  )
  const answered = yield* Effect.result(Effect.timeoutOption(arrived, deadlineMs))
  if (answered._tag === "Success" && Option.isSome(answered.success)) {
    return verdict(
      Match.body(it.contents.content, answered.success.value, it.matchingRules?.body),
      upgradeOf(provider, worker_id)
    )
  }
  const before = seen.length === 0 ? "and no other" : `only ${seen.join(", ")}`
  const how =
    answered._tag === "Failure" ? `before the stream ended (${answered.failure.message})` : `in ${deadlineMs} ms`
  return failed([`no frame "${wanted}" arrived ${how}, ${before}`], upgradeOf(provider, worker_id))
})

const check = Effect.fnUntraced(function* (provider: Provider, it: Interaction) {
  const state = it.providerStates?.[0]?.name ?? "a runtime"
  const title = { name: it.description, state }
  if (!States.isState(state)) {
    return {
      ...title,
      outcome: failed([`nobody has implemented the state ${JSON.stringify(state)}. Add:\n${States.stub(state)}`])
    }
  }
  const reached = yield* Effect.result(States.reach(state, provider))
  if (reached._tag === "Failure") {
    const { failure } = reached
    if (failure._tag === "OutOfReach") return { ...title, outcome: { _tag: "skipped" as const, why: failure.why } }
    const why = failure._tag === "NotReached" ? failure.why : failure.message
    return { ...title, outcome: failed([`the state could not be reached: ${why}`]) }
  }
  const values = reached.success
  const outcome =
    it.type === "Synchronous/HTTP"
      ? yield* checkHttp(provider, it, values)
      : yield* checkMessage(provider, it, state, values)
  // What was made for this interaction runs no further. A runtime may refuse, and that is no finding of this one.
  const { worker_id } = values
  if (worker_id !== undefined) {
    yield* Effect.ignore(provider.send({ method: "POST", path: `/v1/workers/${encodeURIComponent(worker_id)}/cancel` }))
  }
  return { ...title, outcome }
})

/** One interaction after the other, so that what a runtime does can be told apart. */
export const verify = (
  provider: Provider,
  pact: PactFile
): Effect.Effect<ReadonlyArray<Checked>, never, SecureRandom.SecureRandom> =>
  Effect.forEach(pact.interactions, (it) => check(provider, it))
