/** Secrets in environment variables: `env:NAME`. */
import { Config, Effect, Layer, Option } from "effect"
import { SecretResolver, unresolvable } from "../../domain/SecretResolver.ts"

const name = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/

const resolve = Effect.fnUntraced(function* (rest: string) {
  if (!name.test(rest)) return yield* unresolvable("not_set")
  const value = yield* Effect.mapError(Config.option(Config.Redacted(rest)), () => unresolvable("not_set"))
  if (Option.isNone(value)) return yield* unresolvable("not_set")
  return value.value
})

export const layer = Layer.effectDiscard(
  Effect.flatMap(SecretResolver, (secrets) => secrets.register({ scheme: "env", resolve }))
)
