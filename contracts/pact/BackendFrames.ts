/** Watches a worker of our backend on a real socket until the frame of an interaction has come, and compares it. */
import { Schema } from "effect"
import * as Match from "../../src/app/cli/contract/Match.ts"
import { PactFile } from "../../src/app/cli/contract/PactFile.ts"
import { WebSocket } from "ws"
import { runtimeId } from "./uiShapes.ts"
import { type PactJson, stateOf } from "./VerifyPact.ts"

/** A frame may take so long, in milliseconds. */
const frameMs = 10_000

interface FrameLike {
  readonly kind: string
  readonly envelope?: { readonly payload: { readonly event: string } }
}

const titleOf = (frame: FrameLike): string => `${frame.kind} ${frame.envelope?.payload.event ?? ""}`

/** The first frame with the title. */
const watch = (base: string, worker_id: string, title: string, begin: () => Promise<unknown>): Promise<FrameLike> =>
  new Promise((resolve, reject) => {
    const path = `/api/runtimes/${runtimeId}/workers/${worker_id}/events/ws`
    const socket = new WebSocket(base.replace("http:", "ws:") + path, "worker-events.v1")
    const timer = setTimeout(() => {
      socket.terminate()
      reject(new Error(`No frame "${title}" in ${frameMs} ms.`))
    }, frameMs)
    socket.once("error", reject)
    socket.once("open", () => void begin().catch(reject))
    socket.on("message", (data: Buffer) => {
      const frame = JSON.parse(data.toString("utf8")) as FrameLike
      if (titleOf(frame) !== title) return
      clearTimeout(timer)
      socket.close()
      resolve(frame)
    })
  })

/** What differs in each frame of the pact, by its name; and how many frames were compared. */
export const verifyFrames = async (
  pact: PactJson,
  base: string,
  handlers: Readonly<Record<string, () => Promise<Record<string, string>>>>
): Promise<{ readonly compared: number; readonly differences: ReadonlyArray<string> }> => {
  const { interactions } = Schema.decodeUnknownSync(PactFile)(pact)
  const differences: Array<string> = []
  let compared = 0
  for (const it of interactions) {
    if (it.type !== "Asynchronous/Messages") continue
    const state = stateOf(it as PactJson["interactions"][number])
    const { worker_id = "" } = await handlers[state]!()
    const content = it.contents.content as FrameLike
    const input = () =>
      fetch(`${base}/api/runtimes/${runtimeId}/workers/${worker_id}/input`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ content: "hello" })
      })
    const begin = state === "a worker that answers" ? input : () => Promise.resolve()
    const frame = await watch(base, worker_id, titleOf(content), begin)
    compared++
    for (const found of Match.body(content, frame, it.matchingRules?.body))
      differences.push(`${it.description}: ${found}`)
  }
  return { compared, differences }
}
