/** Bugs in what steers a turn: interrupts, inputs that wait, permissions. */
import { Effect, Struct } from "effect"
import type { Source, Subject } from "../../../src/domain/conformance/Conformance.ts"
import type { Ack, QueuedInput, Replayable, Worker } from "../../../src/domain/Worker.ts"
import type { WorkerId } from "../../../src/domain/Identifiers.ts"
import type { Capabilities } from "../../../src/domain/Runtime.ts"
import { hold } from "../Laboratory.ts"
import { type Mutant, onFrames, onSource, told } from "./Mutant.ts"

const shows = (change: (it: Worker) => Worker) =>
  onSource((source) => ({ get: (worker_id) => Effect.map(source.get(worker_id), change) }))

const declares = (change: (all: Capabilities) => Capabilities) =>
  onSource((source) => ({
    describe: Effect.map(source.describe, (it) => ({ ...it, capabilities: change(it.capabilities ?? {}) }))
  }))

const modes = (...only: ReadonlyArray<string>) =>
  declares((all) => ({ ...all, "workers.input": { ...all["workers.input"], modes: only } }))

/** The worker as it is, as the answer to a command that was not carried out. */
const pretended = (source: Source, worker_id: WorkerId): Effect.Effect<Replayable<Ack>, never> =>
  Effect.orDie(source.get(worker_id)).pipe(
    Effect.map((it) => ({ answer: { ...it, event_id: it.last_event_id }, replayed: false }))
  )

/** A source that does two things for one. */
const inTwoSteps = (source: Source): Partial<Source> => ({
  input: (worker_id, { mode, ...said }, options) =>
    mode === "interrupt"
      ? Effect.tap(source.input(worker_id, { ...said, mode: "queue" }, options), () =>
          source.interrupt(worker_id, undefined, {})
        )
      : source.input(worker_id, { ...said, ...(mode === undefined ? undefined : { mode }) }, options)
})

const unqueueAll = (source: Source, { queued_inputs = [], worker_id }: Worker) =>
  Effect.forEach(queued_inputs, ({ input_id }) => source.unqueue(worker_id, input_id, {}), { discard: true })

const forgetful = (subject: Subject): Subject => ({
  ...subject,
  restart: Effect.scoped(
    Effect.gen(function* () {
      const source = yield* subject.connect
      const { items } = yield* source.list({})
      yield* Effect.forEach(items, (it) => unqueueAll(source, it))
    })
  ).pipe(Effect.andThen(subject.restart!))
})

const honesty: ReadonlyArray<Mutant> = [
  {
    bug: "inputs wait although that is not declared",
    caughtBy: "honesty.input-queue",
    mutate: modes("reject", "interrupt")
  },
  {
    bug: "inputs end turns although that is not declared",
    caughtBy: "honesty.input-interrupt",
    mutate: modes("reject", "queue")
  },
  {
    bug: "an interrupt that works and is not declared",
    caughtBy: "honesty.interrupt",
    mutate: declares(Struct.omit(["workers.interrupt"]))
  },
  {
    bug: "permissions that are declared and not supported",
    caughtBy: "honesty.permissions",
    mutate: onSource((source) => ({
      permit: (...asked) =>
        Effect.mapError(source.permit(...asked), told("permission_not_found", "operation_unsupported"))
    }))
  },
  {
    bug: "inputs that wait and cannot be taken back",
    caughtBy: "honesty.unqueue",
    mutate: onSource((source) => ({
      unqueue: (...asked) =>
        Effect.mapError(source.unqueue(...asked), told("queued_input_not_found", "operation_unsupported"))
    }))
  }
]

const interrupts: ReadonlyArray<Mutant> = [
  {
    bug: "an interrupt that ends the worker",
    caughtBy: "steering.interrupt",
    mutate: onSource((source) => ({ interrupt: source.stop }))
  },
  {
    bug: "an interrupt that is answered and not made",
    caughtBy: "steering.interrupt",
    mutate: onSource((source) => ({ interrupt: (worker_id) => pretended(source, worker_id) }))
  },
  {
    bug: "an interrupted turn that is told as finished",
    caughtBy: "steering.interrupt-told",
    mutate: onFrames(() => (frame) => [
      frame.kind === "event" && frame.event.event === "run_end"
        ? { ...frame, event: { event: "run_end", data: { result: "finished" } } }
        : frame
    ])
  },
  {
    bug: "an interrupt of an idle worker that leaves a trace",
    caughtBy: "steering.interrupt-without-turn",
    mutate: onSource((source) => ({
      interrupt: (worker_id, reason, options) =>
        Effect.andThen(
          source.input(worker_id, { kind: "system", content: "(interrupted)" }, {}),
          source.interrupt(worker_id, reason, options)
        )
    }))
  },
  {
    bug: "an interrupt of an ended worker that is acknowledged",
    caughtBy: "steering.interrupt-refused",
    mutate: onSource((source) => ({
      interrupt: (worker_id, reason, options) =>
        Effect.catchTag(source.interrupt(worker_id, reason, options), "worker_not_running", () =>
          pretended(source, worker_id)
        )
    }))
  },
  {
    bug: "an input that ends the turn only waits",
    caughtBy: "steering.input-interrupts",
    mutate: onSource((source) => ({
      input: (worker_id, input, options) =>
        source.input(worker_id, input.mode === "interrupt" ? { ...input, mode: "queue" } : input, options)
    }))
  },
  {
    bug: "modes are ignored",
    caughtBy: "steering.input-interrupts",
    mutate: onSource((source) => ({
      input: (worker_id, { content, kind }, options) => source.input(worker_id, { content, kind }, options)
    }))
  },
  {
    bug: "an input is said to wait for a worker that is idle",
    caughtBy: "steering.modes-while-idle",
    mutate: onSource((source) => ({
      input: (...asked) =>
        Effect.map(source.input(...asked), (it) => ({
          ...it,
          answer: { queued: { input_id: "1", position: 1 }, ...it.answer }
        }))
    }))
  },
  {
    bug: "an input without a mode waits",
    caughtBy: "steering.reject",
    mutate: onSource((source) => ({
      input: (worker_id, input, options) => source.input(worker_id, { mode: "queue", ...input }, options)
    }))
  }
]

const first: QueuedInput = { input_id: "left-over", kind: "user", content: "left over", queued_at: "" }

const waiting: ReadonlyArray<Mutant> = [
  {
    bug: "the newest waiting input comes first",
    caughtBy: "steering.queue",
    mutate: shows((it) =>
      it.queued_inputs === undefined ? it : { ...it, queued_inputs: it.queued_inputs.toReversed() }
    )
  },
  {
    bug: "a waiting input has a place in the transcript already",
    caughtBy: "steering.queue",
    mutate: onSource((source) => ({
      input: (...asked) =>
        Effect.map(source.input(...asked), (it) => ({
          ...it,
          answer: { ...it.answer, transcript_sequence: it.answer.transcript_sequence + 1 }
        }))
    }))
  },
  {
    bug: "an interrupt drops what waits",
    caughtBy: "steering.queue-order",
    mutate: onSource((source) => ({
      interrupt: (worker_id, reason, options) =>
        Effect.flatMap(source.get(worker_id), (it) => unqueueAll(source, it)).pipe(
          Effect.andThen(source.interrupt(worker_id, reason, options))
        )
    }))
  },
  {
    bug: "watchers are told of an input that was taken back that it has started",
    caughtBy: "steering.queue-told",
    mutate: onFrames(() => (frame) => [
      frame.kind === "event" && frame.event.event === "input_unqueued"
        ? { ...frame, event: { ...frame.event, data: { ...frame.event.data, reason: "started" } } }
        : frame
    ])
  },
  {
    bug: "the snapshot does not show what waits",
    caughtBy: "steering.queue-told",
    mutate: onFrames(() => (frame) => [
      frame.kind === "snapshot" ? { ...frame, snapshot: Struct.omit(frame.snapshot, ["queued_inputs"]) } : frame
    ])
  },
  {
    bug: "an input that ends the turn takes its place behind those that wait",
    caughtBy: "steering.queue-overtaken",
    mutate: onSource(inTwoSteps)
  },
  {
    bug: "more inputs wait than the runtime says",
    caughtBy: "steering.queue-full",
    mutate: declares((all) => ({ ...all, "workers.input": { ...all["workers.input"], max_queued: 4 } }))
  },
  {
    bug: "no place to wait is told as a busy worker",
    caughtBy: "steering.queue-full",
    mutate: onSource((source) => ({
      input: (...asked) => Effect.mapError(source.input(...asked), told("input_queue_full", "worker_busy"))
    }))
  },
  {
    bug: "an input is taken back in the answer only",
    caughtBy: "steering.unqueue",
    mutate: onSource((source) => ({ unqueue: (worker_id) => pretended(source, worker_id) }))
  },
  {
    bug: "what does not wait is taken back as well",
    caughtBy: "steering.unqueue",
    mutate: onSource((source) => ({
      unqueue: (worker_id, input_id, options) =>
        Effect.catchTag(source.unqueue(worker_id, input_id, options), "queued_input_not_found", () =>
          pretended(source, worker_id)
        )
    }))
  },
  {
    bug: "inputs still wait for a worker that has ended",
    caughtBy: "steering.queue-ends",
    mutate: shows((it) => (it.state === "stopped" ? { ...it, queued_inputs: [first] } : it))
  },
  {
    bug: "the key of an input that waits is not looked at",
    caughtBy: "steering.queue-keys",
    mutate: onSource((source) => ({
      input: (worker_id, input, options) => source.input(worker_id, input, input.mode === "queue" ? {} : options)
    }))
  },
  {
    bug: "a key holds whatever the mode",
    caughtBy: "steering.queue-keys",
    mutate: onSource((source) => ({
      input: (worker_id, input, options) =>
        source.input(worker_id, input.content === hold ? input : { ...input, mode: "queue" }, options)
    }))
  },
  {
    bug: "what waited is gone after a restart",
    caughtBy: "restart.waiting",
    mutate: forgetful
  }
]

const permissions: ReadonlyArray<Mutant> = [
  {
    bug: "a worker does not show what it asks for",
    caughtBy: "steering.permission",
    mutate: shows(Struct.omit(["permission_requests"]))
  },
  {
    bug: "another option is taken than was chosen",
    caughtBy: "steering.permission",
    mutate: onSource((source) => ({
      permit: (worker_id, permission_id, _, options) => source.permit(worker_id, permission_id, "no", options)
    }))
  },
  {
    bug: "whoever comes later does not see what is asked",
    caughtBy: "steering.permission",
    mutate: onFrames(() => (frame) => [
      frame.kind === "snapshot" ? { ...frame, snapshot: Struct.omit(frame.snapshot, ["permission_requests"]) } : frame
    ])
  },
  {
    bug: "an answer to a request that nobody made is acknowledged",
    caughtBy: "steering.permission-refused",
    mutate: onSource((source) => ({
      permit: (worker_id, permission_id, option_id, options) =>
        Effect.catchTag(source.permit(worker_id, permission_id, option_id, options), "permission_not_found", () =>
          pretended(source, worker_id)
        )
    }))
  },
  {
    bug: "an option that was never offered is a yes",
    caughtBy: "steering.permission-refused",
    mutate: onSource((source) => ({
      permit: (worker_id, permission_id, _, options) => source.permit(worker_id, permission_id, "yes", options)
    }))
  },
  {
    bug: "a permission request outlives its turn",
    caughtBy: "steering.permission-ends",
    mutate: onSource((source) => {
      let seen: Pick<Worker, "permission_requests"> = {}
      return {
        get: (worker_id) =>
          Effect.map(source.get(worker_id), (it) => {
            if (it.permission_requests !== undefined) seen = { permission_requests: it.permission_requests }
            return { ...it, ...seen }
          })
      }
    })
  }
]

export const mutants: ReadonlyArray<Mutant> = [...honesty, ...interrupts, ...waiting, ...permissions]
