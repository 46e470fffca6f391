/** A plugin for the tests of isolation: a durable runtime, a way to one, a secret scheme, and ways to go wrong. */
import { spawn } from "node:child_process"
import { mkdirSync } from "node:fs"
import { Effect, Layer, Redacted, Schema, Scope, Stream } from "effect"
import * as EmbeddedSource from "../../src/adapters/embedded/EmbeddedSource.ts"
import * as FileWorkerStore from "../../src/adapters/stores/FileWorkerStore.ts"
import type { Source } from "../../src/domain/conformance/Conformance.ts"
import * as Engine from "../../src/domain/engine/Engine.ts"
import { RuntimeId } from "../../src/domain/Identifiers.ts"
import {
  apiVersion,
  defineRuntimeSource,
  defineSecretScheme,
  fault,
  problem,
  problemOf
} from "../../src/domain/plugin/Plugin.ts"
import type * as Problem from "../../src/domain/Problem.ts"
import { RequestId } from "../../src/domain/RequestId.ts"
import { WorkerRuntime } from "../../src/domain/WorkerRuntime.ts"
import { crypto, executor } from "../conformance/Laboratory.ts"

/** Never ends, and lets nothing else happen. */
const spin = (): never => {
  for (;;);
}

const hog = (): never => {
  const kept: Array<Array<number>> = []
  for (;;) kept.push(Array.from<number>({ length: 1_000_000 }).fill(1.5))
}

/** What the host does for a text, beside what the runtime does. */
const commands: Readonly<Record<string, () => unknown>> = {
  "/spin": spin,
  "/hog": hog,
  "/buffers": () => {
    // Kept until the sampler looks, in pages that are really there.
    const kept = Array.from({ length: 40 }, () => Buffer.alloc(10_485_760, 1))
    setTimeout(() => void kept.length, 60_000)
  },
  "/fork": () => {
    for (let child = 0; child < 6; child++) spawn("sleep", ["86399"], { detached: true, stdio: "ignore" })
  },
  "/exit": () => process.exit(3),
  "/throw": () =>
    setTimeout(() => {
      throw new Error("isolation-defect-7d31 at postgres://hosted.internal")
    }, 0),
  "/flood": () => {
    for (let line = 0; line < 10_000; line++) process.stdout.write(`flood ${line} ${"x".repeat(2_000)}\n`)
  }
}

/** One runtime a folder and host, however many connections there are. */
const runtimes = new Map<string, Promise<{ readonly source: Source; readonly streams: () => number }>>()

const started = (root: string) =>
  Effect.gen(function* () {
    mkdirSync(root, { recursive: true })
    const services = yield* Layer.build(Layer.mergeAll(FileWorkerStore.layer({ root }), executor, crypto))
    const runtime = yield* Effect.provideContext(Engine.make({ runtime_id: RuntimeId.make("rt-durable") }), services)
    const source = yield* Effect.provideService(EmbeddedSource.make, WorkerRuntime, runtime)
    let streams = 0
    const events: Source["events"] = (...asked) =>
      Stream.unwrap(
        Effect.as(
          Effect.acquireRelease(
            Effect.sync(() => void (streams += 1)),
            () => Effect.sync(() => void (streams -= 1))
          ),
          source.events(...asked)
        )
      )
    return { source: { ...source, events }, streams: () => streams }
  })

const runtimeOf = (root: string) => {
  const known = runtimes.get(root)
  if (known !== undefined) return known
  const made = Effect.runPromise(Effect.flatMap(Scope.make(), (scope) => Scope.provide(started(root), scope)))
  runtimes.set(root, made)
  return made
}

const never = Effect.fail(problem("worker_not_found"))

const text = (secret: Redacted.Redacted<string>) => Redacted.value(secret)

/** Over files: what was acknowledged survives the host. */
export const durable = defineRuntimeSource({
  kind: "durable",
  apiVersion,
  label: "Durable",
  description: "An engine over files, for tests.",
  endpoint: "none",
  options: Schema.Struct({
    root: Schema.String.annotate({ title: "Folder", description: "Where it keeps its workers." }),
    password_ref: Schema.optionalKey(Schema.String),
    level: Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 9 })))
  }),
  secretFields: ["token_ref", "password_ref"],
  reasons: { not_today: "The test says no." },
  connect: Effect.fnUntraced(function* ({ options, token }, host) {
    const { source, streams } = yield* Effect.promise(() => runtimeOf(options.root))
    const answers: Readonly<Record<string, Effect.Effect<string, Problem.Problem>>> = {
      "/token": Effect.map(token ?? Effect.succeed(Redacted.make("none")), text),
      "/password": Effect.map(host.secret(options.password_ref ?? "env:NONE"), text),
      "/foreign": Effect.map(host.secret("test:foreign"), text),
      "/request": Effect.map(RequestId, (request) => request ?? "none"),
      "/fetch": Effect.mapBoth(host.http.get("http://127.0.0.1:59999/"), {
        onSuccess: () => "reached",
        onFailure: problemOf
      })
    }
    return {
      ...source,
      input: (worker_id, input, asked) =>
        Effect.gen(function* () {
          const { content } = input
          if (content === "/no") return yield* problem("worker_execution_rejected", "said no", { reason: "not_today" })
          yield* Effect.sync(() => commands[content]?.())
          const answer = answers[content]
          if (answer === undefined) return yield* source.input(worker_id, input, asked)
          const said = yield* answer
          yield* Effect.logInfo("The plugin was asked.")
          yield* Effect.sync(() => process.stdout.write(`said ${said}\n`))
          return yield* source.input(worker_id, { ...input, content: `said ${said.length} ${spaced(said)}` }, asked)
        }),
      bundleAvailability: (id, digest) =>
        id === "control:streams"
          ? Effect.fail(problem("config_bundle_missing", undefined, { max: streams() }))
          : source.bundleAvailability(id, digest)
    }
  })
})

/** A secret that a test may look at without its being one any more. */
const spaced = (said: string) => Array.from(said).join(" ")

/** Has a way to go. */
export const distant = defineRuntimeSource({
  kind: "distant",
  apiVersion,
  label: "Distant",
  description: "A way to nowhere, for tests.",
  endpoint: "none",
  options: Schema.Struct({ note: Schema.optionalKey(Schema.String) }),
  secretFields: ["token_ref"],
  connect: () => Effect.succeed({ describe: Effect.succeed({}), list: () => never, get: () => never }),
  reach: ({ token }, steps) =>
    Effect.gen(function* () {
      yield* steps.take("url", Effect.succeed("read"), (it) => `It is ${it}.`)
      yield* steps.skip("dns", "not_applicable", "There is no name.")
      yield* steps.take("tcp", token ?? Effect.fail(problem("runtime_unreachable")), (secret) =>
        Redacted.value(secret).length > 8 ? { code: "not_encrypted", summary: "Long.", fix: "None." } : "Short."
      )
      return yield* steps.take("tls", Effect.fail(fault("tls_expired")), () => "never")
    })
})

export const scheme = defineSecretScheme({
  scheme: "isolated",
  apiVersion,
  description: "Secrets that a test knows.",
  secretFields: [],
  open: () => Effect.succeed({ resolve: (rest) => Effect.succeed(Redacted.make(`isolated-${rest}`)) })
})
