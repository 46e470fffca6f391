/** The conformance kit on the remote source, over a real runtime process behind a proxy that can cut. */
import { afterAll, beforeAll, describe, it } from "@effect/vitest"
import { Effect, Layer, Redacted } from "effect"
import { type Subject, suite } from "../../src/domain/conformance/Conformance.ts"
import * as FaultProxy from "../support/FaultProxy.ts"
import * as RuntimeProcess from "../support/RuntimeProcess.ts"
import { closedPort, egress, onPort } from "./remoteWorld.ts"

const token = "conformance-token-0123456789abcdef"
const wrongToken = "conformance-wrong-token-0123456789"
const bearing = (text: string) => ({ token: Effect.succeed(Redacted.make(text)) })
const hidden = (name: string, text: string) => ({ name, text: Redacted.make(text) })

const remote = Effect.gen(function* () {
  const services = yield* Layer.build(egress)
  const runtime = yield* RuntimeProcess.make({ persistent: true, token })
  const proxy = yield* FaultProxy.make(runtime.port)
  const connect = (port: number, text: string) => Effect.provideContext(onPort(port, bearing(text)), services)
  return {
    name: "the remote source",
    connect: connect(proxy.port, token),
    credential: { kind: "token", bad: connect(proxy.port, wrongToken) },
    hidden: [
      hidden("the token", token),
      hidden("the wrong token", wrongToken),
      hidden("the port", String(proxy.port)),
      hidden("the host", "127.0.0.1")
    ],
    hold: "/wait 60000 done",
    unreachable: connect(closedPort, token),
    cut: proxy.cut,
    restart: runtime.restart("SIGTERM")
  } satisfies Subject
})

suite({ afterAll, beforeAll, describe, it }, "the remote source on a real runtime", remote, { tier: "durable" })
