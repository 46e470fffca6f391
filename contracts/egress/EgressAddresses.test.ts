/** Where the client may connect: the whole path from an endpoint's text to the dial, before a canary. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Result } from "effect"
import { spawn } from "node:child_process"
import type { Socket } from "node:net"
import * as EgressClient from "../../src/adapters/egress/EgressClient.ts"
import type { EgressFailure } from "../../src/adapters/egress/EgressFailure.ts"
import * as EgressProbe from "../../src/adapters/egress/EgressProbe.ts"
import * as EgressSocket from "../../src/adapters/egress/EgressSocket.ts"
import * as ScriptedPeer from "../support/ScriptedPeer.ts"
import { client, get } from "./egressWorld.ts"
import { refusedSpellings } from "./refusedSpellings.ts"

const ok =
  (text = "ok") =>
  (socket: Socket) =>
    socket.write(ScriptedPeer.answer(text))

const refusal = (failure: EgressFailure) =>
  failure.reason._tag !== "policy"
    ? failure.reason._tag
    : failure.reason.refusal.kind === "address_refused"
      ? failure.reason.refusal.network
      : failure.reason.refusal.kind

describe("egress addresses", () => {
  it.effect("no spelling of a refused network connects, by request, socket or probe", () =>
    Effect.gen(function* () {
      const canary = yield* ScriptedPeer.make(ok())
      const canary6 = yield* ScriptedPeer.make(ok(), { host: "::1", port: canary.port })
      const corpus = refusedSpellings(canary.port)
      assert.isAtLeast(corpus.length, 250)
      const egress = yield* EgressClient.EgressClient
      for (const url of corpus) {
        const requested = yield* Effect.result(get(url))
        assert.isTrue(Result.isFailure(requested), url)
        if (Result.isFailure(requested)) assert.strictEqual(requested.failure.reason._tag, "policy", url)
        const opened = yield* Effect.result(
          Effect.scoped(Effect.flatMap(egress.check(url), (address) => EgressSocket.open(address, { path: "/" })))
        )
        assert.isTrue(Result.isFailure(opened), url)
        const resolved = yield* Effect.result(Effect.flatMap(egress.check(url), EgressProbe.resolve))
        assert.isTrue(Result.isFailure(resolved), url)
      }
      assert.deepStrictEqual([canary.accepted(), canary6.accepted()], [0, 0])
    }).pipe(Effect.provide(client({ policy: { allow_private: false } })))
  )

  it.effect("a name that resolves to a refused address is refused", () =>
    Effect.gen(function* () {
      const failure = yield* Effect.flip(get("http://good.test/"))
      assert.strictEqual(refusal(failure), "metadata")
      assert.isFalse(failure.sent)
    }).pipe(Effect.provide(client({}, () => ["169.254.169.254", "fe80::1"])))
  )

  it.effect("of several answers only the checked one is dialled", () =>
    Effect.gen(function* () {
      const peer = yield* ScriptedPeer.make(ok())
      const answer = yield* get(`http://good.test:${peer.port}/`)
      assert.strictEqual(answer.status, 200)
      const egress = yield* EgressClient.EgressClient
      const { value } = yield* Effect.flatMap(egress.check("http://good.test/"), EgressProbe.resolve)
      assert.deepStrictEqual(value, ["127.0.0.1"])
    }).pipe(Effect.provide(client({}, () => ["169.254.169.254", "0.0.0.0", "127.0.0.1", "::"])))
  )

  it.effect("200 names that turn bad between two connections never reach the second address", () =>
    Effect.gen(function* () {
      const peer = yield* ScriptedPeer.make((socket) => socket.end(ScriptedPeer.answer("ok", "connection: close\r\n")))
      const egress = yield* EgressClient.EgressClient
      const target = yield* egress.target(`http://flip.test:${peer.port}`)
      for (let round = 0; round < 200; round++) {
        const outcome = yield* Effect.result(egress.request({ target, method: "GET", path: "/" }))
        if (round % 2 === 0) assert.isTrue(Result.isSuccess(outcome), `round ${round}`)
        else assert.strictEqual(Result.isFailure(outcome) ? refusal(outcome.failure) : "ok", "unspecified")
      }
      // 0.0.0.0 would have reached the same peer.
      assert.strictEqual(peer.accepted(), 100)
    }).pipe(Effect.provide(client({}, (_name, lookup) => [lookup % 2 === 0 ? "127.0.0.1" : "0.0.0.0"])))
  )

  it.effect("the name is asked for once per connection, and connections are kept", () => {
    let lookups = 0
    const counting = client({}, (_name, lookup) => {
      lookups = lookup + 1
      return ["127.0.0.1"]
    })
    return Effect.gen(function* () {
      const peer = yield* ScriptedPeer.make(ok())
      const egress = yield* EgressClient.EgressClient
      const target = yield* egress.target(`http://kept.test:${peer.port}`)
      for (let call = 0; call < 20; call++) yield* egress.request({ target, method: "GET", path: "/" })
      assert.strictEqual(lookups, peer.accepted())
      // The pool gives a connection back one turn after its answer, so a caller in a loop uses two.
      assert.isAtMost(peer.accepted(), 2)
    }).pipe(Effect.provide(counting))
  })

  it.effect("a name keeps its Host header, whatever address was dialled", () =>
    Effect.gen(function* () {
      const peer = yield* ScriptedPeer.make(ok())
      yield* get(`http://Runtime.Test:${peer.port}/`)
      assert.include(peer.requests[0], `\r\nhost: runtime.test:${peer.port}\r\n`)
    }).pipe(Effect.provide(client()))
  )

  it.effect("the system's resolver knows the local host", () =>
    Effect.gen(function* () {
      const peer = yield* ScriptedPeer.make(ok())
      assert.strictEqual((yield* get(`http://localhost:${peer.port}/`)).status, 200)
    }).pipe(Effect.provide(EgressClient.layer()))
  )

  for (const status of [301, 302, 303, 307, 308]) {
    it.effect(`a redirect with status ${status} to a metadata address or another peer is not followed`, () =>
      Effect.gen(function* () {
        const canary = yield* ScriptedPeer.make(ok())
        const places = [
          "http://169.254.169.254/latest/meta-data/",
          `http://127.0.0.1:${canary.port}/`,
          "//0.0.0.0/",
          "/"
        ]
        const peer = yield* ScriptedPeer.make((socket, _head, number) =>
          socket.write(ScriptedPeer.answer("", `location: ${places[number]}\r\n`, `${status} Moved`))
        )
        for (const _ of places) {
          const failure = yield* Effect.flip(get(`http://127.0.0.1:${peer.port}/`))
          assert.deepStrictEqual(failure.reason, { _tag: "redirect", status })
        }
        assert.strictEqual(peer.requests.length, places.length)
        assert.strictEqual(canary.accepted(), 0)
      }).pipe(Effect.provide(client()))
    )
  }

  it.effect(
    "a proxy in the environment is not asked",
    () =>
      Effect.gen(function* () {
        const proxy = yield* ScriptedPeer.make(ok("proxy"))
        const peer = yield* ScriptedPeer.make(ok("peer"))
        const at = `http://127.0.0.1:${proxy.port}`
        const env = {
          HTTP_PROXY: at,
          http_proxy: at,
          HTTPS_PROXY: at,
          ALL_PROXY: at,
          NODE_USE_ENV_PROXY: "1",
          NO_PROXY: ""
        }
        const script = `
        import { Effect } from "effect"
        import * as EgressClient from "./src/adapters/egress/EgressClient.ts"
        import * as EgressSocket from "./src/adapters/egress/EgressSocket.ts"
        const url = "http://127.0.0.1:${peer.port}"
        const program = Effect.gen(function* () {
          const egress = yield* EgressClient.EgressClient
          const target = yield* egress.target(url)
          const { body } = yield* egress.request({ target, method: "GET", path: "/" })
          yield* Effect.exit(EgressSocket.open(target, { path: "/", deadline_ms: 2000 }))
          return Buffer.from(body).toString()
        })
        process.stdout.write(await Effect.runPromise(Effect.scoped(program).pipe(Effect.provide(EgressClient.layer()))))`
        const output = yield* Effect.callback<string>((resume) => {
          const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
            env: { ...process.env, ...env }
          })
          let text = ""
          child.stdout.on("data", (chunk) => (text += chunk))
          child.stderr.on("data", (chunk) => (text += chunk))
          child.on("close", () => resume(Effect.succeed(text)))
          return Effect.sync(() => child.kill())
        })
        assert.strictEqual(output, "peer")
        assert.strictEqual(peer.requests.length, 2)
        assert.strictEqual(proxy.accepted(), 0)
      }),
    30_000
  )
})
