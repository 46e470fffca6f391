/** The last line of the pin: a socket that is connected elsewhere than to a checked address is not used. */
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import type * as Net from "node:net"
import { vi } from "vitest"
import * as ScriptedPeer from "../support/ScriptedPeer.ts"
import { client, get } from "./egressWorld.ts"

/** Stands for whatever could come between the check and the dial: every connection goes to another address. */
vi.mock("node:net", async (original) => {
  const net = await original<typeof Net>()
  const astray = (options: object) => net.connect({ ...options, host: "127.0.0.2" } as never)
  return { ...net, connect: astray }
})

it.effect("a connection that went astray is closed before a byte is sent", () =>
  Effect.gen(function* () {
    const peer = yield* ScriptedPeer.make((socket) => socket.write(ScriptedPeer.answer("")), { host: "127.0.0.2" })
    const failed = yield* Effect.flip(get(`http://127.0.0.1:${peer.port}`))
    assert.deepStrictEqual([failed.reason, failed.sent], [{ _tag: "reset" }, false])
    yield* peer.drained
    assert.deepStrictEqual([peer.accepted(), peer.requests.length], [1, 0])
    assert.strictEqual((yield* get(`http://127.0.0.2:${peer.port}`)).status, 200)
  }).pipe(Effect.provide(client()))
)
