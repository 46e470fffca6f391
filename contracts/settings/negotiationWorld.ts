/** A connection test with the real client, the real kinds and scripted names; nothing of a backend around it. */
import { Effect, Layer, Redacted } from "effect"
import { AddressResolver } from "../../src/adapters/egress/AddressResolver.ts"
import * as EgressClient from "../../src/adapters/egress/EgressClient.ts"
import * as Connection from "../../src/domain/Connection.ts"
import { ConnectionTest, type Step, type TestOptions } from "../../src/domain/ConnectionTest.ts"
import * as Negotiation from "../../src/domain/connections/Negotiation.ts"
import { RuntimeRegistry } from "../../src/domain/RuntimeRegistry.ts"
import { make as makeSecrets, SecretResolver, unresolvable } from "../../src/domain/SecretResolver.ts"
import { SourceKinds } from "../../src/domain/SourceKind.ts"
import { mock } from "../../src/plugins/mock/index.ts"
import { remoteHttp } from "../../src/plugins/remote-http/index.ts"

/** `nowhere.test` has no address, `metadata.test` one that nobody may reach; every other name is this machine. */
const names = Layer.succeed(AddressResolver, {
  lookup: (name) =>
    Effect.succeed(name === "nowhere.test" ? [] : name === "metadata.test" ? ["169.254.169.254"] : ["127.0.0.1"])
})

const kinds = Layer.effectDiscard(
  Effect.gen(function* () {
    const installed = yield* SourceKinds
    yield* installed.add(remoteHttp, { built_in: true })
    yield* installed.add(mock, { built_in: true })
    const secrets = yield* SecretResolver
    yield* secrets.register({
      scheme: "test",
      resolve: (name) =>
        name === "loose"
          ? Effect.fail(unresolvable("readable_by_others"))
          : name === "missing"
            ? Effect.fail(unresolvable("not_set"))
            : Effect.succeed(Redacted.make(name))
    })
  })
)

export const world = (policy: EgressClient.Options["policy"] = {}) =>
  Negotiation.layer.pipe(
    Layer.provideMerge(kinds),
    Layer.provideMerge(SourceKinds.layer),
    Layer.provideMerge(RuntimeRegistry.layer),
    Layer.provideMerge(Layer.effect(SecretResolver, makeSecrets)),
    Layer.provideMerge(EgressClient.layer({ policy }).pipe(Layer.orDie, Layer.provideMerge(names)))
  )

/** The report of a draft. */
export const test = (draft: object, options: Partial<TestOptions> = {}) =>
  Effect.gen(function* () {
    const tester = yield* ConnectionTest
    const entry = yield* Effect.fromResult(Connection.decodeEntry({ id: "draft", ...draft })).pipe(Effect.orDie)
    return yield* tester.run(entry, { saved: false, live: false, ...options })
  })

export const failureOf = (steps: ReadonlyArray<Step>) => steps.find(({ status }) => status === "fail")
