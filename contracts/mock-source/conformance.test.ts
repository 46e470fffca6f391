/** The mock kind, connected as a connection of the config file would be, keeps every promise of the port. */
import { afterAll, beforeAll, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { suite, type Subject } from "../../src/domain/conformance/Conformance.ts"
import { RuntimeId } from "../../src/domain/Identifiers.ts"
import { make as makeSecrets, SecretResolver } from "../../src/domain/SecretResolver.ts"
import { SourceKinds } from "../../src/domain/SourceKind.ts"
import { mock } from "../../src/plugins/mock/index.ts"
import { hold } from "../conformance/Laboratory.ts"

const subject = Effect.gen(function* () {
  const kinds = yield* SourceKinds
  yield* kinds.add(mock, { built_in: true })
  const source = yield* kinds.connect({
    id: RuntimeId.make("mock-1"),
    kind: "mock",
    display_name: "Mock",
    options: { workers: [{ worker_id: "scripted", inputs: ["hello"] }] }
  })
  return {
    name: "the mock source",
    // Each connection is a runtime of its own, so there is one.
    connect: Effect.succeed(source),
    credential: { kind: "none", reason: "A pretended runtime takes no token." },
    hidden: [],
    hold
  } satisfies Subject
}).pipe(Effect.provide(Layer.merge(SourceKinds.layer, Layer.effect(SecretResolver, makeSecrets))))

// It forgets everything in a restart and does not claim anything else.
suite({ afterAll, beforeAll, describe, it }, "the mock source", subject, { tier: "streaming" })
