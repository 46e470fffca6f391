/** A plugin of the tests beside this process, at either level, with the kinds that it brings installed. */
import { mkdtempSync, rmSync } from "node:fs"
import { enableCompileCache } from "node:module"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { Context, Effect, Layer, Redacted } from "effect"
import { open } from "../../src/app/plugins/isolated.ts"
import type { Bounds, Level } from "../../src/app/plugins/isolatedBounds.ts"
import type { ConnectionEntry } from "../../src/domain/Connection.ts"
import type { Diagnostic } from "../../src/domain/Diagnostic.ts"
import { RuntimeId } from "../../src/domain/Identifiers.ts"
import { mark } from "../../src/domain/plugin/Definition.ts"
import * as SecretResolver from "../../src/domain/SecretResolver.ts"
import { SourceKinds } from "../../src/domain/SourceKind.ts"

export const levels: ReadonlyArray<Level> = ["worker", "process"]

/** Hosts find compiled code where this process has it: they are started often here. */
enableCompileCache()

export const brokenFixture = fileURLToPath(new URL("isolationBroken.fixture.ts", import.meta.url))

export const fixture = fileURLToPath(new URL("isolation.fixture.ts", import.meta.url))

/** Short, so that tests wait for nothing. */
export const quick: Partial<Bounds> = { pingEveryMs: 100, pingMs: 1_000, backoffMs: 20, maxBackoffMs: 40 }

export const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "isolation-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
)

export const secretText = "isolation-canary-9f20c4"

const secrets = Layer.effect(
  SecretResolver.SecretResolver,
  Effect.tap(SecretResolver.make, ({ register }) =>
    register({ scheme: "test", resolve: () => Effect.succeed(Redacted.make(secretText)) })
  )
)

/** Kinds of the plugin, installed as the backend would install them. */
export const world = Effect.fnUntraced(function* (
  level: Level,
  bounds: Partial<Bounds> = {},
  file: string = fixture,
  egress: { readonly allow_private?: boolean } = {}
) {
  const services = yield* Layer.build(Layer.provideMerge(SourceKinds.layer, secrets))
  const kinds = Context.get(services, SourceKinds)
  const told: Array<ReadonlyArray<Diagnostic>> = []
  const tell = (diagnostics: ReadonlyArray<Diagnostic>) => Effect.sync(() => void told.push(diagnostics))
  const plugin = yield* open({ name: 'Plugin "test"', file, level, options: {}, egress, tell }, bounds)
  for (const definition of plugin.definitions) {
    if (definition[mark] === "runtime_source") {
      yield* Effect.provideContext(kinds.add(definition), services)
    }
  }
  const connect = (id: string, kind: string, options: ConnectionEntry["options"] & {}, token_ref?: string) =>
    kinds.connect({
      id: RuntimeId.make(id),
      kind,
      options,
      ...(token_ref === undefined ? undefined : { token_ref })
    })
  /** Ends the host without a word, in the middle of whatever it does. */
  const kill = Effect.gen(function* () {
    const pid = plugin.pid()
    if (pid !== undefined) return yield* Effect.sync(() => void process.kill(pid, "SIGKILL"))
    const root = yield* folder
    const victim = yield* connect("victim", "durable", { root })
    const { answer } = yield* victim.create({}, {})
    yield* Effect.exit(victim.input(answer.worker_id, { kind: "user", content: "/exit" }, {}))
  }).pipe(Effect.scoped)
  /** Until the host has been started once more. */
  const again = Effect.fnUntraced(function* (before: number) {
    while (plugin.lives() === before) yield* Effect.sleep(5)
  })
  const restart = Effect.gen(function* () {
    const before = plugin.lives()
    yield* kill
    yield* again(before)
  }).pipe(Effect.orDie)
  return {
    again,
    connect,
    definitions: plugin.definitions,
    kill,
    kinds,
    lives: plugin.lives,
    pid: plugin.pid,
    restart,
    services,
    told
  }
})
