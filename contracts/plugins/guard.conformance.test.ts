/** A kind that is guarded like any plugin's keeps every promise of the port: the guard takes nothing away. */
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
  yield* kinds.add({ ...mock, kind: "guarded" })
  const source = yield* kinds.connect({ id: RuntimeId.make("guarded-1"), kind: "guarded" })
  return {
    name: "a guarded source",
    // Each connection is a runtime of its own, so there is one.
    connect: Effect.succeed(source),
    credential: { kind: "none", reason: "A pretended runtime takes no token." },
    hidden: [],
    hold
  } satisfies Subject
}).pipe(Effect.provide(Layer.merge(SourceKinds.layer, Layer.effect(SecretResolver, makeSecrets))))

suite({ afterAll, beforeAll, describe, it }, "a guarded source", subject, { tier: "streaming" })
