/** Secrets in environment variables: `env:NAME`. */
import { Effect, Layer, Redacted } from "effect"
import { SecretResolver, unresolvable } from "../../domain/SecretResolver.ts"

const name = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/

/** Looked up each time: `Config` reads the environment once and would miss a variable that changed since. */
const resolve = (rest: string) =>
  Effect.suspend(() => {
    const value = name.test(rest) && Object.hasOwn(process.env, rest) ? process.env[rest] : undefined
    return value === undefined ? Effect.fail(unresolvable("not_set")) : Effect.succeed(Redacted.make(value))
  })

export const layer = Layer.effectDiscard(
  Effect.flatMap(SecretResolver, (secrets) => secrets.register({ scheme: "env", resolve }))
)
