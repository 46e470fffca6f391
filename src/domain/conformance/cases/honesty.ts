/** Capability honesty: what is declared works, and what is not declared is refused as unsupported and as nothing else. */
import { Effect, Exit, Option, Cause, type Scope, Stream } from "effect"
import { type Bench, nobody, user } from "../Bench.ts"
import type { Case } from "../Case.ts"
import { broken, type Failure, refused, same } from "../Expect.ts"
import * as Declared from "../Declared.ts"

/** Any worker: a real one where there can be one. */
const someone = Effect.fnUntraced(function* (bench: Bench) {
  if (Declared.by(bench.described, "workers.create") === false) return nobody
  return (yield* bench.worker()).worker_id
})

interface Trial {
  /** Absent = as what it needs is called. */
  readonly name?: string
  readonly need: Case["needs"][number]
  readonly operation: string
  readonly call: (bench: Bench) => Effect.Effect<unknown, Failure, Scope.Scope>
}

const trials: ReadonlyArray<Trial> = [
  {
    need: "workers.create",
    operation: "worker.create",
    call: (bench) => bench.worker()
  },
  {
    need: "workers.input",
    operation: "worker.input",
    call: (bench) => Effect.flatMap(someone(bench), (it) => bench.source.input(it, user("hello"), {}))
  },
  {
    need: "workers.stop",
    operation: "worker.stop",
    call: (bench) => Effect.flatMap(someone(bench), (it) => bench.source.stop(it, undefined, {}))
  },
  {
    need: "workers.cancel",
    operation: "worker.cancel",
    call: (bench) => Effect.flatMap(someone(bench), (it) => bench.source.cancel(it, undefined, {}))
  },
  {
    need: "workers.transcript",
    operation: "worker.transcript",
    call: (bench) => Effect.flatMap(someone(bench), (it) => bench.source.transcript(it, {}))
  },
  {
    need: "events",
    operation: "worker.events",
    call: (bench) =>
      Effect.flatMap(someone(bench), (it) => Stream.runDrain(Stream.take(bench.source.events(it, undefined), 1)))
  },
  {
    need: "workers.input.queue",
    operation: "worker.input",
    call: (bench) =>
      Effect.flatMap(someone(bench), (it) => bench.source.input(it, { ...user("hello"), mode: "queue" }, {}))
  },
  {
    need: "workers.input.interrupt",
    operation: "worker.input",
    call: (bench) =>
      Effect.flatMap(someone(bench), (it) => bench.source.input(it, { ...user("hello"), mode: "interrupt" }, {}))
  },
  {
    need: "workers.interrupt",
    operation: "worker.interrupt",
    call: (bench) => Effect.flatMap(someone(bench), (it) => bench.source.interrupt(it, undefined, {}))
  },
  {
    need: "workers.permissions",
    operation: "worker.permit",
    // There is nothing to answer, and a runtime that can be answered says just that.
    call: (bench) =>
      Effect.catchTag(
        Effect.flatMap(someone(bench), (it) => bench.source.permit(it, "nothing", "yes", {})),
        "permission_not_found",
        () => Effect.void
      )
  },
  {
    name: "unqueue",
    need: "workers.input.queue",
    operation: "worker.unqueue",
    call: (bench) =>
      Effect.catchTag(
        Effect.flatMap(someone(bench), (it) => bench.source.unqueue(it, "nothing", {})),
        "queued_input_not_found",
        () => Effect.void
      )
  },
  {
    need: "config_bundles",
    operation: "config_bundle.list",
    call: (bench) => bench.source.bundles
  }
]

const caseOf = ({ call, name, need, operation }: Trial): Case => ({
  id: `honesty.${name ?? need.slice(need.indexOf(".") + 1).replace(".", "-")}`,
  tier: "core",
  needs: [],
  sentence: `${name === undefined ? need : `${need}, ${operation}`}: declared and working, or not declared and refused with operation_unsupported.`,
  run: Effect.fnUntraced(function* (bench) {
    const { described, source } = bench
    const declared = Declared.by(described, need)
    if (declared === false) {
      const problem = yield* refused(source, call(bench), { operation }, "operation_unsupported")
      yield* same(problem.status, 501, "Status of the refusal")
      return
    }
    const exit = yield* Effect.exit(call(bench))
    if (Exit.isSuccess(exit)) return
    const problem = Option.getOrUndefined(Cause.findErrorOption(exit.cause))
    // A runtime without a capability map is judged by what it answers.
    if (declared === undefined && problem?._tag === "operation_unsupported") return
    // Where no worker can be made it was tried on nobody, and whoever does it says just that.
    if (Declared.by(described, "workers.create") === false && problem?._tag === "worker_not_found") return
    return yield* broken(`${operation} is declared and failed with ${problem?._tag ?? "an internal failure"}`)
  })
})

export const cases: ReadonlyArray<Case> = [
  ...trials.map(caseOf),
  {
    id: "honesty.idempotency",
    tier: "core",
    needs: ["workers.create", "workers.stop"],
    sentence: "No answer claims to have been given before unless idempotency is declared and the key was used before.",
    run: Effect.fnUntraced(function* (bench) {
      const { source } = bench
      const { worker_id } = yield* bench.worker()
      const first = yield* source.stop(worker_id, undefined, {})
      const second = yield* source.stop(worker_id, undefined, {})
      yield* same([first.replayed, second.replayed], [false, false], "replayed of two commands without a key")
    })
  }
]
