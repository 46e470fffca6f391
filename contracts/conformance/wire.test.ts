/** What only a runtime with an executor of the test's own can show over the wire: expired resume points, permissions. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { HttpServer } from "effect/http/HttpServer"
import * as RemoteSource from "../../src/adapters/remote-http/RemoteSource.ts"
import * as MemoryWorkerStore from "../../src/adapters/stores/MemoryWorkerStore.ts"
import * as RuntimeServer from "../../src/app/runtime/RuntimeServer.ts"
import { cases, run, type Subject } from "../../src/domain/conformance/Conformance.ts"
import { RuntimeId } from "../../src/domain/Identifiers.ts"
import { client } from "../egress/egressWorld.ts"
import { ask, crypto, executor, expire } from "./Laboratory.ts"

const server = RuntimeServer.layer({
  runtime_id: RuntimeId.make("rt-wire"),
  listen: { host: "127.0.0.1", port: 0 },
  token: undefined
}).pipe(Layer.provide([Layer.fresh(MemoryWorkerStore.layer), executor, crypto]))

const subject = Effect.gen(function* () {
  const { address } = yield* HttpServer
  const port = "port" in address ? address.port : 0
  return {
    name: "the remote source",
    connect: RemoteSource.make({
      id: RuntimeId.make("remote-1"),
      display_name: "Remote",
      endpoint: `http://127.0.0.1:${port}`,
      token: undefined
    }).pipe(Effect.provide(client())),
    credential: { kind: "none", reason: "This runtime was started without a token." },
    hidden: [],
    expire,
    ask
  } satisfies Subject
})

describe("conformance over the wire", () => {
  it.live("an expired cursor is answered with a resync, and permission requests are", () =>
    Effect.gen(function* () {
      const chosen = cases.filter(({ hook }) => hook === "expire" || hook === "ask")
      const report = yield* run(yield* subject, { cases: chosen })
      assert.deepStrictEqual(
        report.outcomes.map(({ reason, verdict }) => [verdict, reason]),
        chosen.map(() => ["passed", undefined])
      )
      assert.isAbove(chosen.length, 1)
    }).pipe(Effect.provide(server))
  )
})
