/** A kind as the backend installs it: connections are made from entries, with secrets by the scheme `test`. */
import { Context, Effect, Layer, Redacted } from "effect"
import type { ConnectionEntry } from "../../src/domain/Connection.ts"
import type { RuntimeSourceDefinition } from "../../src/domain/plugin/Definition.ts"
import { make as makeSecrets, SecretResolver, unresolvable } from "../../src/domain/SecretResolver.ts"
import { SourceKinds } from "../../src/domain/SourceKind.ts"

/** @param secrets by what follows `test:` */
export const install = Effect.fnUntraced(function* <Options, R>(
  definition: RuntimeSourceDefinition<Options, undefined, R>,
  secrets: Readonly<Record<string, string>> = {}
) {
  const services = yield* Layer.build(
    SourceKinds.layer.pipe(Layer.provideMerge(Layer.effect(SecretResolver, makeSecrets)))
  )
  const kinds = Context.get(services, SourceKinds)
  yield* Context.get(services, SecretResolver).register({
    scheme: "test",
    resolve: (name) => {
      const secret = secrets[name]
      return secret === undefined ? Effect.fail(unresolvable("not_set")) : Effect.succeed(Redacted.make(secret))
    }
  })
  yield* Effect.provideContext(kinds.add(definition, { built_in: true }), services)
  return {
    connect: (entry: Omit<ConnectionEntry, "kind">) => kinds.connect({ ...entry, kind: definition.kind }),
    check: (entry: Omit<ConnectionEntry, "kind">) => kinds.check({ ...entry, kind: definition.kind }),
    reach: (entry: Omit<ConnectionEntry, "kind">, steps: Parameters<typeof kinds.reach>[1]) =>
      kinds.reach({ ...entry, kind: definition.kind }, steps)
  }
})
