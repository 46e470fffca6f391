/** Everything that a source says when it is used wrongly, for those who look through it. */
import { Effect, Result, Stream } from "effect"
import type { WorkerId } from "../Identifiers.ts"
import type { Problem } from "../Problem.ts"
import { type Bench, key, nobody, user } from "./Bench.ts"

/** Problems of calls that must all fail; those that succeed say nothing here. */
export const problems = Effect.fnUntraced(function* (bench: Bench, word: string) {
  const { source } = bench
  const drain = (worker_id: WorkerId, cursor: string | undefined) =>
    Stream.runDrain(Stream.take(source.events(worker_id, cursor), 1))
  const calls: Array<Effect.Effect<unknown, Problem>> = [
    source.get(nobody),
    source.get(`../${word}` as WorkerId),
    source.list({ limit: 0 }),
    source.list({ cursor: word }),
    source.transcript(nobody, {}),
    source.stop(nobody, word, {}),
    source.cancel(nobody, word, {}),
    source.interrupt(nobody, word, {}),
    source.permit(nobody, word, word, {}),
    source.unqueue(nobody, word, {}),
    source.input(nobody, user(word), {}),
    drain(nobody, undefined),
    source.create({ profile: { kind: "named", value: word } }, {}),
    source.create({ config_bundle: { id: word, digest: "0".repeat(64) } }, {}),
    source.create({ initial_input: { kind: "system", content: word } }, key(word)),
    source.bundleAvailability(word, undefined)
  ]
  const made = yield* Effect.option(bench.worker())
  if (made._tag === "Some") {
    const { worker_id } = made.value
    calls.push(
      drain(worker_id, `no cursor ${word}`),
      source.create({ worker_id, display_name: word }, {}),
      source.transcript(worker_id, { limit: 0 }),
      source.input(worker_id, user(`${word}${"x".repeat(3_000_000)}`), {}),
      source.input(worker_id, user(" "), {}),
      source.permit(worker_id, word, word, {}),
      source.unqueue(worker_id, word, {}),
      Effect.andThen(source.stop(worker_id, undefined, key(word)), source.stop(nobody, word, key(word))),
      source.input(worker_id, user(word), {})
    )
  }
  const results = yield* Effect.forEach(calls, (call) => Effect.result(call))
  return results.flatMap((result) => (Result.isFailure(result) ? [result.failure] : []))
})
