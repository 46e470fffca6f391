/** The bytes between this side and an agent: counted against the limits, cut off when a message is too long. */
import { Readable, Writable } from "node:stream"
import * as acp from "@agentclientprotocol/sdk"
import type { Limits } from "../../domain/ProfileDeclaration.ts"
import type { RunFailure } from "../../domain/WorkerExecutor.ts"
import type { ChildGroup } from "./ChildGroup.ts"
import { tooMuch } from "./TextTap.ts"

/** Messages that are none of the protocol, within the agent's life; an agent that sends more is ended. */
export const maxStrays = 100

export interface AcpChannel {
  readonly stream: acp.Stream
  /** The bytes of a new turn start here. */
  readonly begin: () => void
}

const newline = 10
/** A message starts with a brace; a line break or a space before it does no harm. */
const mayStart: ReadonlySet<number> = new Set([newline, 13, 32, 9, 123])

const isMessage = (message: acp.AnyMessage): boolean =>
  message.jsonrpc === "2.0" &&
  ("method" in message
    ? typeof message.method === "string"
    : "id" in message && ("result" in message || "error" in message))

/** @param broken called once, with why the agent must be ended */
export const make = (group: ChildGroup, limits: Limits, broken: (failure: RunFailure) => void): AcpChannel => {
  let turn = 0
  let total = 0
  let strays = 0
  let failed = false
  const fail = (failure: RunFailure) => {
    if (failed) return
    failed = true
    broken(failure)
  }
  const stray = () => {
    if (++strays > maxStrays)
      fail({ code: "agent_not_understood", message: "The agent does not speak the protocol and was ended." })
  }
  let line = 0
  const counted = new TransformStream<Uint8Array, Uint8Array>({
    transform: (chunk, controller) => {
      turn += chunk.length
      total += chunk.length
      let longest = 0
      for (let from = 0; from < chunk.length;) {
        if (line === 0 && !mayStart.has(chunk[from]!)) stray()
        const end = chunk.indexOf(newline, from)
        line += (end < 0 ? chunk.length : end) - from
        longest = Math.max(longest, line)
        if (end < 0) break
        line = 0
        from = end + 1
      }
      if (total > limits.total_bytes) fail(tooMuch(limits.total_bytes, "life"))
      if (turn > limits.turn_bytes) fail(tooMuch(limits.turn_bytes, "turn"))
      if (longest > limits.line_bytes) {
        fail({
          code: "output_limit_reached",
          message: `The agent sent a message of more than ${limits.line_bytes} bytes and was ended.`
        })
      }
      // Nothing of a broken agent is looked at any more.
      if (failed) controller.terminate()
      else controller.enqueue(chunk)
    }
  })
  // What it says on the side counts, too, and is only kept as its last words.
  const decoder = new TextDecoder()
  group.child.stderr.on("data", (chunk: Buffer) => {
    total += chunk.length
    group.lastWords.hear(decoder.decode(chunk, { stream: true }))
    if (total > limits.total_bytes) fail(tooMuch(limits.total_bytes, "life"))
  })
  const input = (Readable.toWeb(group.child.stdout) as ReadableStream<Uint8Array>).pipeThrough(counted)
  const output = Writable.toWeb(group.child.stdin)
  const wire = acp.ndJsonStream(output, input, { maxMessageBytes: limits.line_bytes })
  const understood = new TransformStream<acp.AnyMessage, acp.AnyMessage>({
    transform: (message, controller) => {
      if (isMessage(message)) controller.enqueue(message)
      else stray()
    }
  })
  return {
    stream: { writable: wire.writable, readable: wire.readable.pipeThrough(understood) },
    begin: () => {
      turn = 0
    }
  }
}
