/** A command that is repeated with its key happens once. */
import { Effect, Exit, Fiber } from "effect"
import { type Bench, key, user } from "../Bench.ts"
import type { Case, Need } from "../Case.ts"
import { refused, same } from "../Expect.ts"

const needs: ReadonlyArray<Need> = ["workers.create", "workers.stop", "idempotency"]

/** Workers with this display name. */
const named = (bench: Bench, display_name: string) =>
  Effect.map(bench.source.list({}), ({ items }) => items.filter((it) => it.display_name === display_name))

const request = (bench: Bench, display_name: string) => ({ ...bench.subject.create, display_name })

/** Ends what a case created by itself. */
const leave = Effect.fnUntraced(function* (bench: Bench, display_name: string) {
  for (const { worker_id } of yield* named(bench, display_name)) yield* bench.source.stop(worker_id, undefined, {})
})

/** Creations that are broken off after this many turns of the scheduler each. */
const turns = [0, 1, 2, 3, 5, 8, 13, 21]

/** Repeats a keyed command that may still be running. */
const patiently = <A, E extends { readonly _tag: string }>(command: Effect.Effect<A, E>): Effect.Effect<A, E> =>
  Effect.catch(command, (problem) =>
    problem._tag === "idempotency_in_flight"
      ? Effect.andThen(Effect.sleep(10), patiently(command))
      : Effect.fail(problem)
  )

export const cases: ReadonlyArray<Case> = [
  {
    id: "idempotency.create",
    tier: "durable",
    needs,
    sentence: "A creation that is repeated with its key gets the same worker again, and there is one.",
    run: Effect.fnUntraced(function* (bench) {
      const word = yield* bench.word
      const create = bench.source.create(request(bench, word), key(`create-${word}`))
      const first = yield* create
      const second = yield* create
      yield* same([first.replayed, second.replayed], [false, true], "replayed")
      yield* same(second.answer.worker_id, first.answer.worker_id, "Worker of the second answer")
      yield* same((yield* named(bench, word)).length, 1, "Workers created")
      yield* leave(bench, word)
    })
  },
  {
    id: "idempotency.input",
    tier: "durable",
    needs: [...needs, "workers.input", "workers.transcript"],
    sentence:
      "An input that is repeated with its key is acknowledged as before and said once, even when the worker is busy or has ended.",
    run: Effect.fnUntraced(function* (bench) {
      const { source } = bench
      const { worker_id } = yield* bench.worker()
      const word = yield* bench.word
      const input = source.input(worker_id, user(word), key(`input-${word}`))
      const first = yield* input
      const second = yield* input
      yield* same([first.replayed, second.replayed], [false, true], "replayed")
      yield* same(second.answer, first.answer, "The second answer")
      yield* source.stop(worker_id, undefined, {})
      yield* same((yield* input).answer, first.answer, "The answer after the end")
      const { items } = yield* source.transcript(worker_id, {})
      yield* same(items.filter((it) => it.role === "user" && it.content === word).length, 1, "Times it was said")
    })
  },
  {
    id: "idempotency.end",
    tier: "durable",
    needs: [...needs, "workers.cancel"],
    sentence: "Stop and cancel repeat their first answer to the same key.",
    run: Effect.fnUntraced(function* (bench) {
      for (const verb of ["stop", "cancel"] as const) {
        const { worker_id } = yield* bench.worker()
        const end = bench.source[verb](worker_id, undefined, key(`${verb}-${yield* bench.word}`))
        const first = yield* end
        const second = yield* end
        yield* same([first.replayed, second.replayed], [false, true], `replayed of ${verb}`)
        yield* same(second.answer, first.answer, `The second answer of ${verb}`)
      }
    })
  },
  {
    id: "idempotency.other-body",
    tier: "durable",
    needs: [...needs, "workers.input"],
    sentence: "A key that comes back with another request is refused and does nothing.",
    run: Effect.fnUntraced(function* (bench) {
      const { source } = bench
      const { worker_id } = yield* bench.worker()
      const word = yield* bench.word
      yield* source.input(worker_id, user("one"), key(word))
      const call = source.input(worker_id, user("two"), key(word))
      const problem = yield* refused(source, call, { operation: "worker.input", worker_id }, "idempotency_key_reused")
      yield* same(problem.status, 422, "Status")
    })
  },
  {
    id: "idempotency.other-command",
    tier: "durable",
    needs,
    sentence: "One key is not taken for two commands, nor for two workers.",
    run: Effect.fnUntraced(function* (bench) {
      const { source } = bench
      const one = (yield* bench.worker()).worker_id
      const two = (yield* bench.worker()).worker_id
      const word = yield* bench.word
      yield* source.stop(one, undefined, key(word))
      const about = { operation: "worker.stop", worker_id: two }
      yield* refused(source, source.stop(two, undefined, key(word)), about, "idempotency_key_reused")
      const create = source.create(request(bench, word), key(word))
      yield* refused(source, create, { operation: "worker.create" }, "idempotency_key_reused")
      yield* same((yield* source.get(two)).state, "idle", "State of the worker that was not meant")
    })
  },
  {
    id: "idempotency.race",
    tier: "durable",
    needs,
    sentence: "Of commands with one key at the same time one happens; the others get its answer or are told to wait.",
    run: Effect.fnUntraced(function* (bench) {
      const word = yield* bench.word
      const create = Effect.exit(bench.source.create(request(bench, word), key(`race-${word}`)))
      const exits = yield* Effect.all(
        Array.from({ length: 8 }, () => create),
        { concurrency: "unbounded" }
      )
      for (const exit of exits.filter(Exit.isFailure)) {
        yield* refused(bench.source, exit, { operation: "worker.create" }, "idempotency_in_flight")
      }
      const fresh = exits.filter((exit) => Exit.isSuccess(exit) && !exit.value.replayed)
      yield* same(fresh.length, 1, "Answers that are not replays")
      yield* same((yield* named(bench, word)).length, 1, "Workers created")
      yield* leave(bench, word)
    })
  },
  {
    id: "idempotency.without-key",
    tier: "core",
    needs: ["workers.create", "workers.stop"],
    sentence: "Two equal commands without a key are two commands.",
    run: Effect.fnUntraced(function* (bench) {
      const word = yield* bench.word
      yield* bench.source.create(request(bench, word), {})
      yield* bench.source.create(request(bench, word), {})
      yield* same((yield* named(bench, word)).length, 2, "Workers created")
      yield* leave(bench, word)
    })
  },
  {
    id: "idempotency.broken-off",
    tier: "durable",
    needs,
    sentence:
      "A creation whose caller went away at any moment is found again by its key: there is one worker, never two.",
    run: Effect.fnUntraced(function* (bench) {
      for (const wait of turns) {
        const word = yield* bench.word
        const create = bench.source.create(request(bench, word), key(`again-${word}`))
        const caller = yield* Effect.forkChild(create)
        for (let turn = 0; turn < wait; turn++) yield* Effect.yieldNow
        yield* Fiber.interrupt(caller)
        yield* patiently(create)
        yield* same((yield* named(bench, word)).length, 1, `Workers after a break-off in turn ${wait}`)
        yield* leave(bench, word)
      }
    })
  }
]
