/** A worker-runtime process on a real port, reached by the remote source through a proxy that can cut connections. */
import { Effect, Layer, Redacted } from "effect"
import * as RemoteSource from "../../src/adapters/remote-http/RemoteSource.ts"
import type { Connect, Subject } from "../../src/domain/conformance/Conformance.ts"
import { RuntimeId } from "../../src/domain/Identifiers.ts"
import { client } from "../egress/egressWorld.ts"
import * as FaultProxy from "../support/FaultProxy.ts"
import * as RuntimeProcess from "../support/RuntimeProcess.ts"
import { hidden, hold } from "./Laboratory.ts"

const token = "remote-conformance-token-0d5f8e21"
const wrongToken = "remote-conformance-wrong-token-77"

const gauge = /^yoi_open_streams(?:\{[^}]*\})? ([0-9]+)$/m

/** Over a store on files: what was acknowledged must survive a SIGKILL. */
export const make = Effect.gen(function* () {
  const runtime = yield* RuntimeProcess.make({ token, persistent: true })
  const proxy = yield* FaultProxy.make(runtime.port)
  const nowhere = yield* FaultProxy.make(runtime.port)
  yield* nowhere.set({ _tag: "refuse" })
  const egress = yield* Layer.build(client())
  const to = (port: number, secret: string): Connect =>
    RemoteSource.make({
      id: RuntimeId.make("remote-1"),
      display_name: "Remote",
      endpoint: `http://127.0.0.1:${port}`,
      token: Effect.succeed(Redacted.make(secret))
    }).pipe(Effect.provideContext(egress))
  return {
    name: "the remote source",
    connect: to(proxy.port, token),
    credential: { kind: "token", bad: to(proxy.port, wrongToken) },
    hidden: [
      hidden("the token", token),
      hidden("the wrong token", wrongToken),
      hidden("the address", `127.0.0.1:${proxy.port}`),
      hidden("the address of nobody", `127.0.0.1:${nowhere.port}`)
    ],
    hold,
    unreachable: to(nowhere.port, token),
    cut: proxy.cut,
    openStreams: Effect.promise((signal) =>
      fetch(`http://127.0.0.1:${runtime.port}/metrics`, { headers: { authorization: `Bearer ${token}` }, signal })
        .then((response) => response.text())
        .then((text) => Number(gauge.exec(text)?.[1]))
    ),
    restart: runtime.restart("SIGKILL")
  } satisfies Subject
})
