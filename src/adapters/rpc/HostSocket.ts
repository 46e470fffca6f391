/** A stream socket as the way to a source's host: a Unix socket in a folder of the owner's, or loopback. */
import type { NetConnectOpts } from "node:net"
import * as NodeSocket from "@effect/platform-node/NodeSocket"
import * as NodeSocketServer from "@effect/platform-node/NodeSocketServer"
import { type Duration, Effect, Layer, Schedule } from "effect"
import * as RpcClient from "effect/rpc/RpcClient"
import * as RpcSerialization from "effect/rpc/RpcSerialization"
import * as RpcServer from "effect/rpc/RpcServer"
import { Socket } from "effect/socket/Socket"

/** Largest message, in bytes: the largest snapshot (16 MiB, each character written as six bytes) and room around it. */
export const maxMessageBytes = 33_554_432

/** A host that says nothing for so long after it was asked is lost, in milliseconds; it is asked as often. */
const silenceMs = 5_000

/** Between attempts to reach a lost host, in milliseconds: first, and at most. */
const reconnectMs = { first: 10, most: 1_000 }

/** A call that meets a broken connection waits so long for the next one, in milliseconds, and looks as often. */
const graceMs = { wait: 500, look: 10 }

const serialization = RpcSerialization.layerNdjsonWith({ maxBufferSize: maxMessageBytes })

/** The backend's end. It connects again by itself. */
const connection = (address: NetConnectOpts, pingTimeout: Duration.Input) =>
  Layer.effect(
    RpcClient.Protocol,
    RpcClient.makeProtocolSocket({
      pingInterval: silenceMs,
      pingTimeout,
      retryPolicy: Schedule.min([Schedule.exponential(reconnectMs.first), Schedule.spaced(reconnectMs.most)])
    }).pipe(
      Effect.map((protocol) => ({
        ...protocol,
        // What fails here has not been sent.
        send: (...message: Parameters<typeof protocol.send>) =>
          Effect.retry(protocol.send(...message), {
            schedule: Schedule.spaced(graceMs.look),
            times: graceMs.wait / graceMs.look
          })
      }))
    )
  ).pipe(Layer.provide([Layer.effect(Socket, NodeSocket.makeNet(address)), serialization]))

/** A stream has a connection of its own: its reader may stand still as long as it likes and holds up nobody else. */
export const client = (address: NetConnectOpts) => ({
  calls: connection(address, silenceMs),
  stream: Layer.fresh(connection(address, "1 day"))
})

/** The host's end. */
export const server = (address: Parameters<typeof NodeSocketServer.layer>[0]) =>
  RpcServer.layerProtocolSocketServer.pipe(
    Layer.provideMerge(NodeSocketServer.layer(address)),
    Layer.provide(serialization)
  )
