/** Canaries: a wrong token is refused as one, and neither a token nor what a caller sent is ever repeated. */
import { Effect, Redacted, Stream } from "effect"
import { nobody } from "../Bench.ts"
import type { Case } from "../Case.ts"
import * as Declared from "../Declared.ts"
import { refused, same } from "../Expect.ts"
import * as Leaks from "../Leaks.ts"
import * as Provoked from "../Provoked.ts"

export const cases: ReadonlyArray<Case> = [
  {
    id: "secrets.bad-credential",
    tier: "core",
    needs: [],
    hook: "credential",
    sentence:
      "A runtime that refuses the token is runtime_auth_failed for every call: not the caller's 401, not an outage, not silence.",
    run: Effect.fnUntraced(function* ({ described, subject }) {
      const { credential } = subject
      if (credential.kind === "none") return
      const source = yield* credential.bad
      const calls = {
        "runtime.describe": source.describe,
        "worker.list": source.list({}),
        "worker.get": source.get(nobody),
        // What is not declared is refused without asking the runtime.
        ...(Declared.by(described, "workers.create") !== false && { "worker.create": source.create({}, {}) }),
        ...(Declared.by(described, "events") !== false && {
          "worker.events": Stream.runDrain(source.events(nobody, undefined))
        })
      }
      for (const [operation, call] of Object.entries<Effect.Effect<unknown, unknown>>(calls)) {
        const problem = yield* refused(source, call, { operation }, "runtime_auth_failed")
        yield* same(problem.retryable, false, "retryable")
        yield* same(Leaks.hidden(problem, subject.hidden), [], "What runtime_auth_failed shows")
      }
    })
  },
  {
    id: "secrets.source",
    tier: "core",
    needs: [],
    sentence: "The source itself shows nothing that is hidden, however it is looked at.",
    run: Effect.fnUntraced(function* ({ source, subject }) {
      const looks = [source, String(source), JSON.stringify(source)]
      yield* same(Leaks.hidden(looks, subject.hidden), [], "What the source shows")
    })
  },
  {
    id: "secrets.not-repeated",
    tier: "core",
    needs: [],
    sentence: "A problem never repeats what the caller sent: it may be a secret in the wrong place.",
    run: Effect.fnUntraced(function* (bench) {
      const canary = `canary-${yield* bench.word}`
      const hidden = [{ name: "what was sent", text: Redacted.make(canary) }]
      for (const problem of yield* Provoked.problems(bench, canary)) {
        // The id of a worker is what the problem is about; everything else is the caller's own business.
        const { worker_id: _, ...context } = problem.context
        yield* same(Leaks.hidden([problem.message, context, problem.cause], hidden), [], `What ${problem._tag} repeats`)
      }
    })
  }
]
