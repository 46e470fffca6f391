/** Watches a worker until the frame of an interaction has come, over either kind of stream, and compares it. */
import { Effect, Option, Schema } from "effect"
import * as Json from "../../../adapters/remote-http/Json.ts"
import { subprotocol } from "../../../adapters/remote-http/RemoteStream.ts"
import * as Match from "./Match.ts"
import { failed, member, verdict } from "./Outcome.ts"
import type { Interaction, Message } from "./PactFile.ts"
import { deadlineMs, type Provider, type Watched } from "./Provider.ts"
import { curlOf } from "./Reproduce.ts"
import type { Reached } from "./StateCalls.ts"

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

/** A heartbeat is 15 s, so what comes with it may take as long and a little more, in milliseconds. */
export const heartbeatDeadlineMs = 20_000

export const isOfHeartbeat = (it: Interaction): boolean =>
  it.type === "Asynchronous/Messages" && titleOf(it.contents.content) === "bookmark"

const begin = Schema.decodeUnknownSync(
  Schema.fromJsonString(
    Schema.Struct({
      method: Schema.Literals(["POST", "DELETE"]),
      path: Schema.String,
      body: Schema.optionalKey(Schema.String)
    })
  )
)

/** Makes the runtime send what is waited for. */
const provoke = Effect.fnUntraced(function* (provider: Provider, { say }: Watched, values: Reached) {
  if (values["says"] !== undefined) yield* say(values["says"])
  if (values["begin"] === undefined) return
  const asked = begin(values["begin"])
  yield* provider.send({
    ...asked,
    ...(asked.body === undefined ? undefined : { headers: { "content-type": "application/json" } })
  })
})

const checkFrame = Effect.fnUntraced(function* (provider: Provider, it: Message, values: Reached) {
  const worker_id = values["worker_id"] ?? ""
  const { content } = it.contents
  const wanted = titleOf(content)
  const limit = isOfHeartbeat(it) ? heartbeatDeadlineMs : deadlineMs
  const seen: Array<string> = []
  const arrived = Effect.scoped(
    Effect.gen(function* () {
      const watched = yield* provider.watch(worker_id, values["cursor"])
      yield* provoke(provider, watched, values)
      while (true) {
        const frame = Option.getOrUndefined(Json.parseText(yield* watched.take))
        const title = titleOf(frame)
        if (title === wanted) return frame
        if (!seen.includes(title)) seen.push(title)
      }
    })
  )
  const answered = yield* Effect.result(Effect.timeoutOption(arrived, limit))
  if (answered._tag === "Success" && Option.isSome(answered.success)) {
    return verdict(Match.body(content, answered.success.value, it.matchingRules?.body), upgradeOf(provider, worker_id))
  }
  const before = seen.length === 0 ? "and no other" : `only ${seen.join(", ")}`
  const how = answered._tag === "Failure" ? `before the stream ended (${answered.failure.message})` : `in ${limit} ms`
  return failed([`no frame "${wanted}" arrived ${how}, ${before}`], upgradeOf(provider, worker_id))
})

/** A message of a stream of server-sent events carries a frame. */
const checkEvent = Effect.fnUntraced(function* (provider: Provider, it: Message, values: Reached) {
  const worker_id = values["worker_id"] ?? ""
  const { content } = it.contents
  const wanted = titleOf(member(content, "data"))
  const curl = curlOf(provider, {
    method: "GET",
    path: `/v1/workers/${encodeURIComponent(worker_id)}/events`,
    headers: { accept: "text/event-stream" }
  })
  const read = yield* Effect.result(provider.messages(worker_id))
  if (read._tag === "Failure") return failed([`${read.failure.message}.`], curl)
  const found = read.success.find(({ data }) => titleOf(data) === wanted)
  if (found === undefined) return failed([`no message "${wanted}" was in the stream`], curl)
  return verdict(Match.body(content, found, it.matchingRules?.body), curl)
})

/** A message without a kind of its own is one of a stream of server-sent events. */
export const checkMessage = (provider: Provider, it: Message, values: Reached) =>
  member(it.contents.content, "kind") === undefined
    ? checkEvent(provider, it, values)
    : checkFrame(provider, it, values)
