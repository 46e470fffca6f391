/** Answers what is asked over one channel of a pipe. What is still being worked on is given up with the pipe. */
import { Effect, Layer, Queue } from "effect"
import type { FromClientEncoded } from "effect/rpc/RpcMessage"
import * as RpcSerialization from "effect/rpc/RpcSerialization"
import * as RpcServer from "effect/rpc/RpcServer"
import type { Pipe } from "./Pipe.ts"
import { maxWaitingLength } from "./PipeClient.ts"

/** There is one client a channel. */
const clientId = 0

export const layer = (pipe: Pipe, channel: number) =>
  Layer.effect(
    RpcServer.Protocol,
    RpcServer.Protocol.make(
      Effect.fnUntraced(function* (write) {
        const disconnects = yield* Queue.unbounded<number>()
        const inbox = yield* Queue.unbounded<readonly [FromClientEncoded, number]>()
        let waiting = 0
        yield* Effect.acquireRelease(
          Effect.sync(() =>
            pipe.listen(
              channel,
              (message, length) => {
                waiting += length
                if (waiting > maxWaitingLength) return pipe.end("garbled")
                Queue.offerUnsafe(inbox, [message as FromClientEncoded, length])
              },
              () => Queue.offerUnsafe(disconnects, clientId)
            )
          ),
          () => Effect.sync(() => pipe.ignore(channel))
        )
        yield* Queue.take(inbox).pipe(
          Effect.flatMap(([message, length]) => {
            waiting -= length
            return write(clientId, message)
          }),
          Effect.forever,
          Effect.forkScoped
        )
        return {
          disconnects,
          send: (_client, message) => Effect.asVoid(pipe.send(channel, message)),
          end: () => Effect.void,
          clientIds: Effect.succeed(new Set([clientId])),
          initialMessage: Effect.succeedNone,
          supportsAck: true,
          supportsTransferables: false,
          supportsSpanPropagation: true,
          supportsNotifications: true,
          codecFor: RpcSerialization.json.codecFor
        }
      })
    )
  )
