/** Watches our backend until what an interaction names has come, on a real socket or in a test that runs, and compares it. */
import { Schema } from "effect"
import { WebSocket } from "ws"
import * as Match from "../../src/app/cli/contract/Match.ts"
import { type Message, PactFile } from "../../src/app/cli/contract/PactFile.ts"
import { deadlineMs } from "../../src/app/cli/contract/Provider.ts"
import { heartbeatDeadlineMs } from "../../src/app/cli/contract/CheckFrames.ts"
import { type Begin, caller, workersOf } from "./BackendCalls.ts"
import { type PactJson, stateOf } from "./VerifyPact.ts"

type Reached = Readonly<Record<string, string>>

interface FrameLike {
  readonly kind: string
  readonly envelope?: { readonly payload: { readonly event: string } }
}

const titleOf = (frame: FrameLike): string => `${frame.kind} ${frame.envelope?.payload.event ?? ""}`

const isOfHeartbeat = ({ kind }: FrameLike): boolean => kind === "bookmark"

/** The first frame with the title. */
const watched = (title: string, limitMs: number, reached: Reached): Promise<FrameLike> =>
  new Promise((resolve, reject) => {
    const { begin, cursor, runtime_id = "", says, url = "", worker_id } = reached
    const query = cursor === undefined ? "" : `?cursor=${encodeURIComponent(cursor)}`
    const path = `${workersOf(runtime_id)}/${worker_id}/events/ws${query}`
    const socket = new WebSocket(url.replace("http:", "ws:") + path, "worker-events.v1")
    const timer = setTimeout(() => {
      socket.terminate()
      reject(new Error(`No frame "${title}" in ${limitMs} ms.`))
    }, limitMs)
    socket.once("error", reject)
    socket.once("open", () => {
      if (says !== undefined) socket.send(says)
      if (begin === undefined) return
      const { body, method, path: to } = JSON.parse(begin) as Begin
      caller(url)(method, to, body).catch(reject)
    })
    socket.on("message", (data: Buffer) => {
      const frame = JSON.parse(data.toString("utf8")) as FrameLike
      if (titleOf(frame) !== title) return
      clearTimeout(timer)
      socket.close()
      resolve(frame)
    })
  })

/** All lines of that kind of a test of the contract's connection. */
const lines = async (kind: string, { url = "" }: Reached): Promise<ReadonlyArray<FrameLike>> => {
  const path = "/api/settings/runtime-connections/contract/test?stream=true"
  const said = await fetch(url + path, { method: "POST" }).then((response) => response.text())
  return said
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as FrameLike)
    .filter((line) => line.kind === kind)
}

const verify = async (it: Message, reached: Reached): Promise<ReadonlyArray<string>> => {
  const content = it.contents.content as FrameLike
  const isLine = content.kind === "step" || content.kind === "report"
  const limitMs = isOfHeartbeat(content) ? heartbeatDeadlineMs : deadlineMs
  const found = isLine ? await lines(content.kind, reached) : [await watched(titleOf(content), limitMs, reached)]
  if (found.length === 0) return [`${it.description}: there was none`]
  return found.flatMap((frame) =>
    Match.body(content, frame, it.matchingRules?.body).map((difference) => `${it.description}: ${difference}`)
  )
}

/** What differs in each frame of the pact, by its name; and how many interactions were compared. */
export const verifyFrames = async (
  pact: PactJson,
  handlers: Readonly<Record<string, () => Promise<Reached>>>
): Promise<{ readonly compared: number; readonly differences: ReadonlyArray<string> }> => {
  const { interactions } = Schema.decodeUnknownSync(PactFile)(pact)
  const messages = interactions.filter((it) => it.type === "Asynchronous/Messages")
  const reach = (it: Message) => handlers[stateOf(it as PactJson["interactions"][number])]!()
  const isWaitedFor = (it: Message) => isOfHeartbeat(it.contents.content as FrameLike)
  // What comes with a heartbeat is waited for while the others are compared.
  const waited = messages.filter(isWaitedFor).map(async (it) => verify(it, await reach(it)))
  const differences: Array<string> = []
  for (const it of messages) {
    if (!isWaitedFor(it)) differences.push(...(await verify(it, await reach(it))))
  }
  differences.push(...(await Promise.all(waited)).flat())
  return { compared: messages.length, differences }
}
