/** Inputs that wait for the turn to end: in order, shown to everybody, taken back, bounded, and gone with their worker. */
import { Effect } from "effect"
import type { WorkerId } from "../../Identifiers.ts"
import { type Bench, held, key, said, settled, user } from "../Bench.ts"
import type { Case, Need } from "../Case.ts"
import * as Declared from "../Declared.ts"
import { refused, same, that } from "../Expect.ts"
import * as Frames from "../Frames.ts"

const needs: ReadonlyArray<Need> = [
  "workers.create",
  "workers.input",
  "workers.stop",
  "workers.transcript",
  "workers.input.queue"
]

const wait = (bench: Bench, worker_id: WorkerId, content: string, options = {}) =>
  bench.source.input(worker_id, { ...user(content), mode: "queue" }, options)

/** What waits as the worker shows it: ids and the beginnings of the contents. */
const waiting = (bench: Bench, worker_id: WorkerId) =>
  Effect.map(bench.source.get(worker_id), ({ queued_inputs = [] }) => queued_inputs)

const about = (worker_id: WorkerId) => ({ operation: "worker.unqueue", worker_id })

export const cases: ReadonlyArray<Case> = [
  {
    id: "steering.queue",
    tier: undefined,
    needs,
    hook: "hold",
    sentence:
      "An input that waits is acknowledged without a place in the transcript, and the worker shows it in its order.",
    run: Effect.fnUntraced(function* (bench) {
      const worker_id = yield* held(bench)
      const acks = [(yield* wait(bench, worker_id, "one")).answer, (yield* wait(bench, worker_id, "two")).answer]
      yield* same(
        acks.map((it) => [it.transcript_sequence, it.queued?.position]),
        [
          [0, 1],
          [0, 2]
        ],
        "Places in the transcript and in the queue"
      )
      const shown = yield* waiting(bench, worker_id)
      yield* same(
        shown.map((it) => [it.input_id, it.kind, it.content]),
        [
          [acks[0]?.queued?.input_id, "user", "one"],
          [acks[1]?.queued?.input_id, "user", "two"]
        ],
        "Inputs that wait"
      )
      yield* that(acks[0]?.queued?.input_id !== acks[1]?.queued?.input_id, "Two inputs wait under one id")
      yield* same(yield* said(bench.source, worker_id), [bench.subject.hold], "What was said")
    })
  },
  {
    id: "steering.queue-order",
    tier: undefined,
    needs: [...needs, "workers.interrupt"],
    hook: "hold",
    sentence:
      "When the turn ends, by an interrupt too, what waited is said in its order, each once, one turn after the other.",
    run: Effect.fnUntraced(function* (bench) {
      const { source } = bench
      const worker_id = yield* held(bench)
      for (const text of ["one", "two", "three"]) yield* wait(bench, worker_id, text)
      yield* source.interrupt(worker_id, undefined, {})
      yield* settled(source, worker_id)
      yield* same(yield* said(source, worker_id), [bench.subject.hold, "one", "two", "three"], "What was said")
    })
  },
  {
    id: "steering.queue-told",
    tier: undefined,
    needs: [...needs, "workers.interrupt", "events"],
    hook: "hold",
    sentence:
      "Who watches is told what waits: when it begins to, why it no longer does, and in the snapshot in between.",
    run: Effect.fnUntraced(function* (bench) {
      const { source } = bench
      const worker_id = yield* held(bench)
      const watch = yield* bench.watch(worker_id)
      yield* watch.next
      const one = (yield* wait(bench, worker_id, "one")).answer.queued?.input_id
      const two = (yield* wait(bench, worker_id, "two")).answer.queued?.input_id
      const later = yield* bench.watch(worker_id)
      yield* later.until(({ kind }) => kind === "snapshot", "a snapshot")
      const { queued_inputs = [] } = Frames.shown(later.frames)
      yield* same(
        queued_inputs.map(({ input_id }) => input_id),
        [one, two],
        "Inputs that wait in the snapshot"
      )
      yield* source.unqueue(worker_id, one ?? "", {})
      yield* source.interrupt(worker_id, undefined, {})
      yield* settled(source, worker_id)
      yield* source.stop(worker_id, undefined, {})
      const told = Frames.durable(yield* watch.rest).flatMap(({ event: { data, event } }) => {
        if (event === "input_queued") return [`queued ${String(data.input_id)}`]
        return event === "input_unqueued" ? [`${String(data.reason)} ${String(data.input_id)}`] : []
      })
      yield* same(told, [`queued ${one}`, `queued ${two}`, `cancelled ${one}`, `started ${two}`], "What was told")
    })
  },
  {
    id: "steering.queue-overtaken",
    tier: undefined,
    needs: [...needs, "workers.input.interrupt"],
    hook: "hold",
    sentence: "An input in the mode interrupt is said before those that wait; they follow.",
    run: Effect.fnUntraced(function* (bench) {
      const { source } = bench
      const worker_id = yield* held(bench)
      yield* wait(bench, worker_id, "later")
      yield* source.input(worker_id, { ...user("now"), mode: "interrupt" }, {})
      yield* settled(source, worker_id)
      yield* same(yield* said(source, worker_id), [bench.subject.hold, "now", "later"], "What was said")
    })
  },
  {
    id: "steering.queue-full",
    tier: undefined,
    needs,
    hook: "hold",
    sentence: "No more inputs wait than the runtime says; one more is refused, which passes, and waits nowhere.",
    run: Effect.fnUntraced(function* (bench) {
      const max = Declared.limit(bench.described, "workers.input", "max_queued")
      if (max === undefined) return
      const worker_id = yield* held(bench)
      for (let count = 0; count < max; count++) yield* wait(bench, worker_id, `input ${count}`)
      const problem = yield* refused(
        bench.source,
        wait(bench, worker_id, "one too many"),
        { operation: "worker.input", worker_id },
        "input_queue_full"
      )
      yield* that(problem.retryable, "input_queue_full is not retryable")
      yield* same((yield* waiting(bench, worker_id)).length, max, "Inputs that wait")
    })
  },
  {
    id: "steering.unqueue",
    tier: undefined,
    needs: [...needs, "workers.interrupt"],
    hook: "hold",
    sentence: "An input that was taken back is never said, the others are; what does not wait cannot be taken back.",
    run: Effect.fnUntraced(function* (bench) {
      const { source } = bench
      const worker_id = yield* held(bench)
      const { queued } = (yield* wait(bench, worker_id, "taken back")).answer
      yield* wait(bench, worker_id, "stays")
      const input_id = queued?.input_id ?? ""
      yield* source.unqueue(worker_id, input_id, {})
      yield* same(
        (yield* waiting(bench, worker_id)).map(({ content }) => content),
        ["stays"],
        "Inputs that wait"
      )
      for (const unknown of [input_id, "never-waited"]) {
        yield* refused(source, source.unqueue(worker_id, unknown, {}), about(worker_id), "queued_input_not_found")
      }
      yield* source.interrupt(worker_id, undefined, {})
      yield* settled(source, worker_id)
      yield* same(yield* said(source, worker_id), [bench.subject.hold, "stays"], "What was said")
    })
  },
  {
    id: "steering.queue-ends",
    tier: undefined,
    needs,
    hook: "hold",
    sentence: "What waits for a worker ends with it and is never said.",
    run: Effect.fnUntraced(function* (bench) {
      const { source } = bench
      const worker_id = yield* held(bench)
      const { queued } = (yield* wait(bench, worker_id, "too late")).answer
      yield* source.stop(worker_id, undefined, {})
      yield* same(yield* waiting(bench, worker_id), [], "Inputs that wait for a stopped worker")
      const back = source.unqueue(worker_id, queued?.input_id ?? "", {})
      yield* refused(source, back, about(worker_id), "queued_input_not_found", "worker_not_running")
      yield* same(yield* said(source, worker_id), [bench.subject.hold], "What was said")
    })
  },
  {
    id: "steering.queue-keys",
    tier: undefined,
    needs: [...needs, "idempotency"],
    hook: "hold",
    sentence: "An input that waits and is repeated with its key waits once; the key is not taken for another mode.",
    run: Effect.fnUntraced(function* (bench) {
      const { source } = bench
      const worker_id = yield* held(bench)
      const options = key(`queue-${yield* bench.word}`)
      const first = yield* wait(bench, worker_id, "once", options)
      const second = yield* wait(bench, worker_id, "once", options)
      yield* same([first.replayed, second.replayed], [false, true], "replayed")
      yield* same(second.answer.queued, first.answer.queued, "Where it waits")
      yield* same((yield* waiting(bench, worker_id)).length, 1, "Inputs that wait")
      const other = source.input(worker_id, { ...user("once"), mode: "reject" }, options)
      yield* refused(source, other, { operation: "worker.input", worker_id }, "idempotency_key_reused")
    })
  }
]
