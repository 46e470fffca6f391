/** Bugs in commands and lists. */
import { Deferred, Effect, Exit, Struct } from "effect"
import type { Source } from "../../../src/domain/conformance/Conformance.ts"
import type { Problem } from "../../../src/domain/Problem.ts"
import type { InputAck, Replayable, Worker } from "../../../src/domain/Worker.ts"
import { type Mutant, onSource, problem, told } from "./Mutant.ts"

const worker = (source: Source, change: (it: Worker) => Worker): Partial<Source> => ({
  get: (id) => Effect.map(source.get(id), change)
})

export const mutants: ReadonlyArray<Mutant> = [
  {
    bug: "the name that was asked for is lost",
    caughtBy: "operations.create",
    mutate: onSource((source) => ({
      create: (request, options) => source.create(Struct.omit(request, ["display_name"]), options)
    }))
  },
  {
    bug: "a chosen id is ignored",
    caughtBy: "operations.chosen-id",
    mutate: onSource((source) => ({
      create: (request, options) => source.create(Struct.omit(request, ["worker_id"]), options)
    }))
  },
  {
    bug: "a taken id gives the worker of somebody else",
    caughtBy: "operations.chosen-id",
    mutate: onSource((source) => ({
      create: (request, options) =>
        Effect.catchTag(source.create(request, options), "worker_id_taken", () =>
          Effect.map(source.get(request.worker_id!), (answer) => ({ answer, replayed: false }))
        )
    }))
  },
  {
    bug: "ids from the clock: two creations at once are one worker",
    caughtBy: "operations.distinct",
    mutate: onSource((source) => {
      let running: Deferred.Deferred<Replayable<Worker>, Problem> | undefined
      return {
        create: (request, options) =>
          Effect.suspend(() => {
            if (running !== undefined) return Deferred.await(running)
            const mine = Deferred.makeUnsafe<Replayable<Worker>, Problem>()
            running = mine
            return Effect.andThen(Effect.yieldNow, source.create(request, options)).pipe(
              Effect.onExit((exit) => {
                running = undefined
                return Deferred.done(mine, exit)
              })
            )
          })
      }
    })
  },
  {
    bug: "the initial input is dropped",
    caughtBy: "operations.initial-input",
    mutate: onSource((source) => ({
      create: (request, options) => source.create(Struct.omit(request, ["initial_input"]), options)
    }))
  },
  {
    bug: "an ack before the input is there",
    caughtBy: "operations.input-is-there",
    mutate: onSource((source) => ({
      input: (worker_id, input, options) =>
        Effect.gen(function* () {
          const { last_event_id, runtime_id, transcript_len } = yield* source.get(worker_id)
          yield* Effect.forkDetach(Effect.delay(source.input(worker_id, input, options), 200))
          const answer: InputAck = {
            runtime_id,
            worker_id,
            state: "busy",
            transcript_sequence: transcript_len + 1,
            event_id: last_event_id + 1
          }
          return { answer, replayed: false }
        })
    }))
  },
  {
    bug: "an ack that names the place after the input",
    caughtBy: "operations.input-is-there",
    mutate: onSource((source) => ({
      input: (...asked) =>
        Effect.map(source.input(...asked), (it) => ({
          ...it,
          answer: { ...it.answer, transcript_sequence: it.answer.transcript_sequence - 1 }
        }))
    }))
  },
  {
    bug: "system input that is said in the user's name",
    caughtBy: "operations.input-is-there",
    mutate: onSource((source) => ({
      input: (worker_id, { content }, options) => source.input(worker_id, { kind: "user", content }, options)
    }))
  },
  {
    bug: "a refused input that is in the transcript anyway",
    caughtBy: "operations.refused-input-is-not",
    mutate: onSource((source) => ({
      input: (worker_id, input, options) =>
        Effect.tapError(source.input(worker_id, input, options), () =>
          Effect.ignore(source.input(worker_id, { kind: "system", content: "(refused)" }, {}))
        )
    }))
  },
  {
    bug: "a busy worker that looks idle",
    caughtBy: "operations.busy",
    mutate: onSource((source) => worker(source, (it) => (it.state === "busy" ? { ...it, state: "idle" } : it)))
  },
  {
    bug: "a stop that is answered before it is done",
    caughtBy: "operations.busy",
    mutate: onSource((source) => ({
      stop: (...asked) =>
        Effect.map(source.stop(...asked), (it) => ({ ...it, answer: { ...it.answer, state: "busy" as const } }))
    }))
  },
  {
    bug: "a worker that is broken after its first turn",
    caughtBy: "operations.idle-again",
    mutate: onSource((source) => ({
      input: (worker_id, input, options) =>
        Effect.flatMap(source.get(worker_id), ({ transcript_len }) =>
          transcript_len > 0
            ? Effect.fail(problem(source, "worker.input", "worker_execution_unavailable", { worker_id }))
            : source.input(worker_id, input, options)
        )
    }))
  },
  {
    bug: "a second stop is refused",
    caughtBy: "operations.stop",
    mutate: onSource((source) => ({
      stop: (worker_id, reason, options) =>
        Effect.flatMap(source.get(worker_id), ({ state }) =>
          state === "stopped"
            ? Effect.fail(problem(source, "worker.stop", "worker_not_running", { worker_id }))
            : source.stop(worker_id, reason, options)
        )
    }))
  },
  {
    bug: "a cancel turns a stopped worker into a cancelled one",
    caughtBy: "operations.stop",
    mutate: onSource((source) => ({
      cancel: (...asked) =>
        Effect.map(source.cancel(...asked), (it) => ({ ...it, answer: { ...it.answer, state: "cancelled" as const } }))
    }))
  },
  {
    bug: "cancel is stop",
    caughtBy: "operations.cancel",
    mutate: onSource((source) => ({ cancel: source.stop }))
  },
  {
    bug: "input to an ended worker is swallowed",
    caughtBy: "operations.ended-takes-nothing",
    mutate: onSource((source) => ({
      input: (worker_id, input, options) =>
        Effect.catchTag(source.input(worker_id, input, options), "worker_not_running", () =>
          Effect.map(source.get(worker_id), (it) => ({
            answer: { ...it, event_id: it.last_event_id, transcript_sequence: it.transcript_len },
            replayed: false
          }))
        )
    }))
  },
  {
    bug: "an ended worker reported as busy",
    caughtBy: "operations.ended-takes-nothing",
    mutate: onSource((source) => ({
      input: (...asked) => Effect.mapError(source.input(...asked), told("worker_not_running", "worker_busy"))
    }))
  },
  {
    bug: "the list loses its last worker",
    caughtBy: "lists.whole",
    mutate: onSource((source) => ({
      list: (query) => Effect.map(source.list(query), (page) => ({ ...page, items: page.items.slice(0, -1) }))
    }))
  },
  {
    bug: "the list shows a worker twice",
    caughtBy: "lists.whole",
    mutate: onSource((source) => ({
      list: (query) =>
        Effect.map(source.list(query), (page) => ({ ...page, items: [...page.items, ...page.items.slice(-1)] }))
    }))
  },
  {
    bug: "pages longer than asked for",
    caughtBy: "lists.pages",
    mutate: onSource((source) => ({
      list: ({ limit, ...query }) => source.list(limit === undefined ? query : { ...query, limit: limit + 1 })
    }))
  },
  {
    bug: "a page ends one worker before the next begins",
    caughtBy: "lists.pages",
    mutate: onSource((source) => ({
      list: (query) =>
        Effect.map(source.list(query), (page) =>
          page.next_cursor === null ? page : { ...page, items: page.items.slice(0, -1) }
        )
    }))
  },
  {
    bug: "the list has no second page",
    caughtBy: "lists.pages",
    mutate: onSource((source) => ({
      list: (query) => Effect.map(source.list(query), (page) => ({ ...page, next_cursor: null }))
    }))
  },
  {
    bug: "the asked state is ignored",
    caughtBy: "lists.state",
    mutate: onSource((source) => ({ list: (query) => source.list(Struct.omit(query, ["state"])) }))
  },
  {
    bug: "a limit of 0 is an empty page with a next one",
    caughtBy: "lists.limit",
    mutate: onSource((source) => ({
      list: (query) =>
        query.limit === 0 ? Effect.succeed({ items: [], next_cursor: query.cursor ?? "start" }) : source.list(query)
    }))
  },
  {
    bug: "an unknown list cursor starts again",
    caughtBy: "lists.cursor",
    mutate: onSource((source) => ({
      list: ({ cursor, ...query }) =>
        cursor === undefined
          ? source.list(query)
          : Effect.flatMap(Effect.exit(source.list({ ...query, cursor })), (exit) =>
              Exit.isSuccess(exit) ? exit : source.list(query)
            )
    }))
  }
]
