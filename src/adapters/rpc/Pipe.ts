/** One wire shared by many channels. When it ends, all of them learn it in the same moment. */
import { Deferred, Effect, Exit, Schema } from "effect"
import type { Wire, WireEnd } from "./Wire.ts"

/** Why a pipe came to its end; beside the wire's own ends, the other side said something that nobody says. */
export type PipeEnd = WireEnd | "garbled"

/** @param length of the text that it came as */
export type Receive = (message: unknown, length: number) => void

export interface Pipe {
  /** Whether the message could still be sent. Completes when it is in the operating system's hands. */
  readonly send: (channel: number, message: object) => Effect.Effect<boolean>
  /** One receiver a channel; what comes for a channel without one is dropped. */
  readonly listen: (channel: number, receive: Receive, ended: () => void) => void
  readonly ignore: (channel: number) => void
  readonly ended: Effect.Effect<PipeEnd>
  readonly hasEnded: () => boolean
  readonly end: (why: PipeEnd) => void
}

const Envelope = Schema.Struct({ channel: Schema.Int, message: Schema.ObjectKeyword })
const decode = Schema.decodeUnknownOption(Schema.fromJsonString(Envelope))

export const make = (wire: Wire): Pipe => {
  const listeners = new Map<number, { readonly receive: Receive; readonly ended: () => void }>()
  const over = Deferred.makeUnsafe<PipeEnd>()
  let ended = false
  const end = (why: PipeEnd) => {
    if (ended) return
    ended = true
    wire.close()
    Deferred.doneUnsafe(over, Exit.succeed(why))
    const told = Array.from(listeners.values())
    listeners.clear()
    for (const listener of told) listener.ended()
  }
  wire.open((text) => {
    const said = decode(text)
    if (said._tag === "None") return end("garbled")
    listeners.get(said.value.channel)?.receive(said.value.message, text.length)
  }, end)
  return {
    send: (channel, message) =>
      Effect.callback((resume) => {
        if (ended) return resume(Effect.succeed(false))
        wire.write(JSON.stringify({ channel, message }), () => resume(Effect.succeed(true)))
      }),
    listen: (channel, receive, onEnd) => {
      if (ended) return onEnd()
      listeners.set(channel, { receive, ended: onEnd })
    },
    ignore: (channel) => void listeners.delete(channel),
    ended: Deferred.await(over),
    hasEnded: () => ended,
    end
  }
}
