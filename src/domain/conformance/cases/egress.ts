/** Where a runtime lives stays inside: no address, no folder, no stack in anything that a source says. */
import { Effect, Stream } from "effect"
import { nobody, user } from "../Bench.ts"
import type { Case } from "../Case.ts"
import * as Declared from "../Declared.ts"
import { refused, same, that } from "../Expect.ts"
import * as Leaks from "../Leaks.ts"
import * as Provoked from "../Provoked.ts"

export const cases: ReadonlyArray<Case> = [
  {
    id: "egress.problems",
    tier: "core",
    needs: [],
    sentence: "No problem holds an address, a folder, a stack trace or anything that is hidden.",
    run: Effect.fnUntraced(function* (bench) {
      for (const problem of yield* Provoked.problems(bench, yield* bench.word)) {
        yield* same(Leaks.places(problem), [], `What ${problem._tag} shows`)
        yield* same(Leaks.hidden(problem, bench.subject.hidden), [], `What ${problem._tag} shows`)
      }
    })
  },
  {
    id: "egress.answers",
    tier: "core",
    needs: ["workers.create", "workers.input", "workers.stop"],
    sentence: "No answer and no frame holds anything that is hidden.",
    run: Effect.fnUntraced(function* (bench) {
      const { source, subject } = bench
      const worker = yield* bench.worker()
      const { worker_id } = worker
      const said = yield* source.input(worker_id, user("where are you?"), {})
      const ended = yield* source.stop(worker_id, "enough", {})
      const transcript = yield* Effect.option(source.transcript(worker_id, {}))
      const frames = yield* Effect.option(Stream.runCollect(source.events(worker_id, undefined)))
      const listed = yield* source.list({})
      const found = yield* source.get(worker_id)
      const everything = [yield* source.describe, worker, said, ended, transcript, frames, listed, found]
      yield* same(Leaks.hidden(everything, subject.hidden), [], "What the answers show")
    })
  },
  {
    id: "egress.unreachable",
    tier: "core",
    needs: [],
    hook: "unreachable",
    sentence: "A runtime that is not there is runtime_unreachable, which passes, and not a word about where it is not.",
    run: Effect.fnUntraced(function* ({ described, subject }) {
      const source = yield* subject.unreachable!
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
        const problem = yield* refused(source, call, { operation }, "runtime_unreachable", "runtime_timeout")
        yield* that(problem.retryable, `${problem._tag} is not retryable`)
        yield* same(Leaks.places(problem), [], `What ${problem._tag} shows`)
        yield* same(Leaks.hidden(problem, subject.hidden), [], `What ${problem._tag} shows`)
      }
    })
  }
]
