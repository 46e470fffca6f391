/** A folder of its own for a test of secrets, and a resolver with the providers that the test names. */
import * as fs from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Context, Effect, Layer, Redacted } from "effect"
import { make, SecretRef, SecretResolver } from "../../domain/SecretResolver.ts"

export const folder = Effect.acquireRelease(
  Effect.promise(async () => fs.realpath(await fs.mkdtemp(join(tmpdir(), "secrets-")))),
  (path) => Effect.promise(() => fs.rm(path, { recursive: true, force: true }))
)

export const write = (path: string, text: string, mode = 0o600) =>
  Effect.promise(async () => {
    await fs.mkdir(join(path, ".."), { recursive: true })
    await fs.writeFile(path, text)
    await fs.chmod(path, mode)
  })

type Provider = Layer.Layer<never, never, SecretResolver | Layer.Success<typeof NodeServices.layer>>

export const resolver = (provider: Provider) =>
  Effect.map(
    Layer.build(
      provider.pipe(Layer.provideMerge(Layer.effect(SecretResolver, make)), Layer.provideMerge(NodeServices.layer))
    ),
    (context) => {
      const secrets = Context.get(context, SecretResolver)
      const ref = (text: string) => SecretRef.make(text)
      return {
        value: (text: string) => Effect.map(secrets.refresh(ref(text)), Redacted.value),
        reason: (text: string) => Effect.map(Effect.flip(secrets.refresh(ref(text))), ({ context }) => context.reason),
        admitted: (text: string) =>
          Effect.match(secrets.admit(ref(text)), {
            onSuccess: () => "yes",
            onFailure: ({ context }) => context.reason
          })
      }
    }
  )
