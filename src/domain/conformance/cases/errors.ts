/** Every refusal has its own code, says what it is about, and never takes the blame elsewhere. */
import { Effect, Stream } from "effect"
import type { WorkerId } from "../../Identifiers.ts"
import type { Failure } from "../Expect.ts"
import { type Bench, nobody, user } from "../Bench.ts"
import type { Case } from "../Case.ts"
import * as Declared from "../Declared.ts"
import { refused, same, that } from "../Expect.ts"

/** Every call about one worker that the runtime declares. */
const callsAbout = ({ described, source }: Bench, worker_id: WorkerId) => {
  const calls: Array<readonly [operation: string, call: Effect.Effect<unknown, Failure>]> = [
    ["worker.get", source.get(worker_id)]
  ]
  if (Declared.by(described, "workers.input")) {
    calls.push(["worker.input", source.input(worker_id, user("anybody there?"), {})])
  }
  if (Declared.by(described, "workers.stop")) calls.push(["worker.stop", source.stop(worker_id, undefined, {})])
  if (Declared.by(described, "workers.cancel")) calls.push(["worker.cancel", source.cancel(worker_id, undefined, {})])
  if (Declared.by(described, "workers.transcript")) calls.push(["worker.transcript", source.transcript(worker_id, {})])
  if (Declared.by(described, "events")) {
    calls.push(["worker.events", Stream.runDrain(source.events(worker_id, undefined))])
  }
  return calls
}

/** Not ids at all; whoever builds a path or a file name from one goes astray. */
const hostile = [
  "../../../etc/passwd",
  "..%2f..%2f",
  "a/../b",
  "a?limit=1",
  "a#b",
  "a b",
  "\u0000",
  "é",
  "x".repeat(2_000)
]

export const cases: ReadonlyArray<Case> = [
  {
    id: "errors.unknown-worker",
    tier: "core",
    needs: [],
    sentence: "A worker that nobody knows is worker_not_found, whatever is asked of it.",
    run: Effect.fnUntraced(function* (bench) {
      for (const [operation, call] of callsAbout(bench, nobody)) {
        const problem = yield* refused(bench.source, call, { operation, worker_id: nobody }, "worker_not_found")
        yield* same([problem.status, problem.retryable], [404, false], `Status and retryable for ${operation}`)
      }
    })
  },
  {
    id: "errors.hostile-id",
    tier: "core",
    needs: [],
    sentence: "A text that is no id is refused as one and reaches nothing else.",
    run: Effect.fnUntraced(function* (bench) {
      const codes = ["worker_not_found", "invalid_worker_id", "invalid_request"] as const
      for (const text of hostile) {
        yield* refused(bench.source, bench.source.get(text as WorkerId), { operation: "worker.get" }, ...codes)
      }
    })
  },
  {
    id: "errors.busy",
    tier: "core",
    needs: ["workers.create", "workers.input", "workers.stop"],
    hook: "hold",
    sentence: "A busy worker refuses an input as worker_busy, which passes, and says when to come back.",
    run: Effect.fnUntraced(function* (bench) {
      const { source } = bench
      const { worker_id } = yield* bench.worker()
      yield* source.input(worker_id, user(bench.subject.hold!), {})
      const call = source.input(worker_id, user("me too"), {})
      const problem = yield* refused(source, call, { operation: "worker.input", worker_id }, "worker_busy")
      yield* that(problem.retryable, "worker_busy is not retryable")
      yield* that((problem.context.retry_after_ms ?? 0) > 0, "worker_busy does not say when to come back")
    })
  },
  {
    id: "errors.blank-input",
    tier: "core",
    needs: ["workers.create", "workers.input"],
    sentence: "A blank input is invalid_request.",
    run: Effect.fnUntraced(function* (bench) {
      const { source } = bench
      const { worker_id } = yield* bench.worker()
      for (const text of ["", " \n\t "]) {
        const call = source.input(worker_id, user(text), {})
        const problem = yield* refused(source, call, { operation: "worker.input", worker_id }, "invalid_request")
        yield* same(problem.retryable, false, "retryable")
      }
    })
  },
  {
    id: "errors.large-input",
    tier: "core",
    needs: ["workers.create", "workers.input"],
    sentence: "An input above the declared maximum is payload_too_large; one of exactly the maximum is taken.",
    run: Effect.fnUntraced(function* (bench) {
      const { described, source } = bench
      const max = Declared.limit(described, "workers.input", "max_bytes")
      if (max === undefined) return
      const { worker_id } = yield* bench.worker()
      const call = source.input(worker_id, user("x".repeat(max + 1)), {})
      yield* refused(source, call, { operation: "worker.input", worker_id }, "payload_too_large")
      yield* source.input(worker_id, user("x".repeat(max)), {})
    })
  },
  {
    id: "errors.unknown-profile",
    tier: "core",
    needs: ["workers.create"],
    sentence: "A profile that the runtime does not have is invalid_profile_selector, not another profile.",
    run: Effect.fnUntraced(function* (bench) {
      const profile = { kind: "named", value: "no-such-profile" } as const
      yield* refused(
        bench.source,
        bench.worker({ profile }),
        { operation: "worker.create" },
        "invalid_profile_selector"
      )
    })
  },
  {
    id: "errors.initial-input",
    tier: "core",
    needs: ["workers.create"],
    sentence: "An initial input must be the user's and not blank; otherwise no worker is created.",
    run: Effect.fnUntraced(function* (bench) {
      const create = (kind: "user" | "system", content: string) => bench.worker({ initial_input: { kind, content } })
      const about = { operation: "worker.create" }
      yield* refused(bench.source, create("system", "hi"), about, "invalid_initial_input_kind", "invalid_request")
      yield* refused(bench.source, create("user", " "), about, "invalid_request")
    })
  }
]
