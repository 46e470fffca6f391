/** A plugin for the tests of isolation: the laboratory with planted bugs. */
import { Effect, Schema, Scope } from "effect"
import type { Source, Subject } from "../../src/domain/conformance/Conformance.ts"
import { apiVersion, defineRuntimeSource, problem } from "../../src/domain/plugin/Plugin.ts"
import { complete } from "../conformance/Laboratory.ts"
import { mutants } from "../conformance/mutants.ts"

/** The kit's helpers, asked as bundles so that they cross the wire like anything else. */
const control = (subject: Subject) => ({
  cut: subject.cut ?? Effect.void,
  restart: Effect.orDie(subject.restart ?? Effect.void),
  streams: subject.openStreams ?? Effect.succeed(0)
})

let laboratory: Promise<Subject> | undefined

/** A bug keeps what it remembers through all connections to it. */
const planted = new Map<number, Subject>()

/** One laboratory a host: each connection is a way to it, and the bug is the connection's. */
export const broken = defineRuntimeSource({
  kind: "broken",
  apiVersion,
  label: "Broken",
  description: "The laboratory with one planted bug, for tests.",
  endpoint: "none",
  options: Schema.Struct({ bug: Schema.Int, way: Schema.Literals(["good", "bad", "unreachable"]) }),
  secretFields: [],
  connect: ({ options: { bug, way } }) =>
    Effect.gen(function* () {
      laboratory ??= Effect.runPromise(Effect.flatMap(Scope.make(), (scope) => Scope.provide(complete, scope)))
      const base = yield* Effect.promise(() => laboratory ?? Promise.reject(new Error("There is no laboratory.")))
      const subject = planted.get(bug) ?? mutants[bug]?.mutate(base) ?? base
      planted.set(bug, subject)
      const connect =
        way === "good"
          ? subject.connect
          : way === "bad" && subject.credential.kind === "token"
            ? subject.credential.bad
            : (subject.unreachable ?? subject.connect)
      const source: Source = yield* connect
      const controls = control(subject)
      return {
        ...source,
        bundleAvailability: (id, digest) => {
          if (id === "control:cut") return Effect.andThen(controls.cut, problem("config_bundle_missing"))
          if (id === "control:restart") return Effect.andThen(controls.restart, problem("config_bundle_missing"))
          if (id === "control:streams") {
            return Effect.flatMap(controls.streams, (max) => problem("config_bundle_missing", undefined, { max }))
          }
          return source.bundleAvailability(id, digest)
        }
      }
    })
})
