/** The kind `opencode` before a server, through a proxy that can cut connections. */
import { Effect, Redacted } from "effect"
import type { Hidden, Subject } from "../../src/domain/conformance/Conformance.ts"
import { RuntimeId } from "../../src/domain/Identifiers.ts"
import { opencode } from "../../src/plugins/opencode/index.ts"
import { client } from "../egress/egressWorld.ts"
import * as FaultProxy from "../support/FaultProxy.ts"
import { install } from "../support/InstalledKind.ts"

/** A server that runs. */
export interface Server {
  readonly port: number
  readonly password: string
  /** Streams of events that are open on it. */
  readonly openStreams?: Effect.Effect<number>
}

const wrong = "opencode-wrong-password-44"

const hidden = (name: string, text: string): Hidden => ({ name, text: Redacted.make(text) })

export const make = Effect.fnUntraced(function* (server: Server) {
  const proxy = yield* FaultProxy.make(server.port)
  const nowhere = yield* FaultProxy.make(server.port)
  yield* nowhere.set({ _tag: "refuse" })
  const kind = yield* Effect.provide(install(opencode, { right: server.password, wrong }), client())
  const to = (port: number, token_ref = "test:right") =>
    kind.connect({ id: RuntimeId.make("opencode-1"), endpoint: `http://127.0.0.1:${port}`, token_ref })
  return {
    name: "the opencode kind",
    // Numbers are made by each connection for itself.
    connect: Effect.succeed(yield* to(proxy.port)),
    fresh: to(proxy.port),
    proxy,
    credential: { kind: "token", bad: to(proxy.port, "test:wrong") },
    hidden: [
      hidden("the password", server.password),
      hidden("the wrong password", wrong),
      hidden("the address", `127.0.0.1:${proxy.port}`)
    ],
    hold: "/wait 60000 done",
    unreachable: to(nowhere.port),
    cut: proxy.cut,
    exemptions: {
      "operations.chosen-id": "opencode makes the ids of its sessions itself.",
      "operations.input-is-there": "The case says something as the system, which opencode does not know.",
      "slow.told": "The case says something as the system, which opencode does not know.",
      "slow.others": "The case says something as the system, which opencode does not know."
    },
    ...(server.openStreams === undefined ? undefined : { openStreams: server.openStreams })
  } satisfies Subject & Record<string, unknown>
})
