/** The steps of a connection test: each with its own outcome, on the path of a call, and nothing left open. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as EgressClient from "../../src/adapters/egress/EgressClient.ts"
import * as EgressProbe from "../../src/adapters/egress/EgressProbe.ts"
import { authority, certificate } from "../support/Certificates.ts"
import * as FaultProxy from "../support/FaultProxy.ts"
import * as ScriptedPeer from "../support/ScriptedPeer.ts"
import { client } from "./egressWorld.ts"

/** Runs all steps; the first that fails is the failure. */
const probe = (url: string, ca?: string) =>
  Effect.scoped(
    Effect.gen(function* () {
      const egress = yield* EgressClient.EgressClient
      const address = yield* egress.check(url, ca === undefined ? {} : { ca })
      const dns = yield* EgressProbe.resolve(address)
      const tcp = yield* EgressProbe.tcp(address, dns.value)
      const tls = yield* EgressProbe.tls(address, tcp.value)
      return [dns, tcp, tls]
    })
  )

describe("egress probe", () => {
  it.effect("every step of a good peer has its latency, and the connection ends with the scope", () =>
    Effect.gen(function* () {
      const peer = yield* ScriptedPeer.make(() => undefined, { tls: certificate("good") })
      const steps = yield* probe(`https://runtime.test:${peer.port}`, authority)
      assert.deepStrictEqual(steps[0]?.value, ["127.0.0.1"])
      for (const step of steps) assert.isAtLeast(step.latency_ms, 0)
      yield* peer.drained
      assert.deepStrictEqual([peer.accepted(), peer.requests.length], [1, 0])
    }).pipe(Effect.provide(client()))
  )

  it.effect("each step fails as itself", () =>
    Effect.gen(function* () {
      const proxy = yield* FaultProxy.make(9)
      yield* proxy.set({ _tag: "refuse" })
      const peer = yield* ScriptedPeer.make(() => undefined, { tls: certificate("expired") })
      const outcomes: ReadonlyArray<readonly [url: string, tag: string]> = [
        ["ftp://runtime.test", "policy"],
        ["https://nowhere.test", "dns"],
        ["https://metadata.test", "policy"],
        [`https://runtime.test:${proxy.port}`, "refused"],
        [`https://runtime.test:${peer.port}`, "tls"]
      ]
      for (const [url, tag] of outcomes) {
        const failed = yield* Effect.flip(probe(url, authority))
        assert.deepStrictEqual([failed.reason._tag, failed.sent], [tag, false], url)
      }
      yield* peer.drained
    }).pipe(
      Effect.provide(
        client({}, (name) =>
          name === "nowhere.test" ? [] : name === "metadata.test" ? ["169.254.169.254"] : ["127.0.0.1"]
        )
      )
    )
  )

  it.effect("a name with several addresses is reached at one that answers", () =>
    Effect.gen(function* () {
      const peer = yield* ScriptedPeer.make(() => undefined, { tls: certificate("good"), host: "127.0.0.2" })
      const steps = yield* probe(`https://runtime.test:${peer.port}`, authority)
      assert.strictEqual(steps.length, 3)
    }).pipe(Effect.provide(client({}, () => ["127.0.0.1", "::1", "127.0.0.2"])))
  )
})
