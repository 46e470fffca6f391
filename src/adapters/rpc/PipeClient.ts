/** Calls over one channel of a pipe. */
import { Effect, Queue, type Scope } from "effect"
import * as RpcClient from "effect/rpc/RpcClient"
import { RpcClientError } from "effect/rpc/RpcClientError"
import type { FromServerEncoded } from "effect/rpc/RpcMessage"
import * as RpcSerialization from "effect/rpc/RpcSerialization"
import { SocketOpenError, SocketReadError } from "effect/socket/Socket"
import { maxTextLength } from "./Wire.ts"
import type { Pipe } from "./Pipe.ts"

/**
 * What waits for one reader, in UTF-16 units. The other side sends the next part of a stream when the last one was taken,
 * so that an honest one never comes near: the wire to another ends.
 */
export const maxWaitingLength = 2 * maxTextLength

/** The pipe had ended before the call: nothing was sent. */
const notSent = () =>
  new RpcClientError({ reason: new SocketOpenError({ kind: "Unknown", cause: new Error("The pipe has ended.") }) })

/** The pipe ended after the call was sent. */
const lost = () => new RpcClientError({ reason: new SocketReadError({ cause: new Error("The pipe has ended.") }) })

export interface PipeClient {
  /**
   * A reader of its own: its calls are answered and its stream is read however long another one stands still. Ends with
   * the scope.
   */
  readonly open: Effect.Effect<RpcClient.Protocol["Service"], never, Scope.Scope>
}

interface Reader {
  readonly inbox: Queue.Queue<readonly [FromServerEncoded, number]>
  waiting: number
}

const requestIdOf = (message: unknown): string | number | undefined => {
  const id = typeof message === "object" && message !== null && "requestId" in message ? message.requestId : undefined
  return typeof id === "string" || typeof id === "number" ? id : undefined
}

export const make = (pipe: Pipe, channel: number): PipeClient => {
  const asked = new Map<string | number, Reader>()
  const readers = new Set<Reader>()
  const put = (reader: Reader, message: FromServerEncoded, length: number) => {
    reader.waiting += length
    if (reader.waiting > maxWaitingLength) return pipe.end("garbled")
    Queue.offerUnsafe(reader.inbox, [message, length])
  }
  pipe.listen(
    channel,
    (message, length) => {
      const id = requestIdOf(message)
      // Without a request it is a breach of the protocol, which cannot go on.
      if (id === undefined) return pipe.end("garbled")
      const reader = asked.get(id)
      const said = message as FromServerEncoded
      if (said._tag === "Exit") asked.delete(id)
      if (reader !== undefined) put(reader, said, length)
    },
    () => {
      for (const reader of readers) {
        Queue.offerUnsafe(reader.inbox, [{ _tag: "ClientProtocolError", error: lost() }, 0])
      }
      asked.clear()
    }
  )
  return {
    open: RpcClient.Protocol.make(
      Effect.fnUntraced(function* (write) {
        let client = 0
        const inbox = yield* Queue.unbounded<readonly [FromServerEncoded, number]>()
        const reader: Reader = { inbox, waiting: 0 }
        yield* Effect.acquireRelease(
          Effect.sync(() => readers.add(reader)),
          () =>
            Effect.sync(() => {
              readers.delete(reader)
              for (const [id, one] of asked) if (one === reader) asked.delete(id)
            })
        )
        yield* Queue.take(inbox).pipe(
          Effect.flatMap(([message, length]) => {
            reader.waiting -= length
            return write(client, message)
          }),
          Effect.forever,
          Effect.forkScoped
        )
        return {
          send: (asking, message) =>
            Effect.suspend(() => {
              client = asking
              if (message._tag === "Request") {
                if (pipe.hasEnded()) return Effect.fail(notSent())
                asked.set(message.id, reader)
              }
              if (message._tag === "Interrupt") asked.delete(message.requestId)
              return Effect.flatMap(pipe.send(channel, message), (sent) =>
                sent || message._tag !== "Request" ? Effect.void : Effect.fail(notSent())
              )
            }),
          supportsAck: true,
          supportsTransferables: false,
          codecFor: RpcSerialization.json.codecFor
        }
      })
    )
  }
}
