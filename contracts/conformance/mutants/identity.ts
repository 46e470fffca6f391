/** Bugs in how a source names itself and others, and in what it declares. */
import { Effect, Stream } from "effect"
import type { RuntimeId, WorkerId } from "../../../src/domain/Identifiers.ts"
import { type Mutant, onSource, problem } from "./Mutant.ts"

const other = "rt-somebody-else" as RuntimeId

const undeclare = (...names: ReadonlyArray<string>) =>
  onSource((source) => ({
    describe: Effect.map(source.describe, (it) => ({
      ...it,
      capabilities: Object.fromEntries(Object.entries(it.capabilities ?? {}).filter(([name]) => !names.includes(name)))
    }))
  }))

export const mutants: ReadonlyArray<Mutant> = [
  {
    bug: "the alias is no id",
    caughtBy: "identity.alias",
    mutate: onSource(() => ({ id: "my runtime" as RuntimeId }))
  },
  {
    bug: "a new runtime id at every look: a generated id that nobody keeps",
    caughtBy: "identity.description",
    mutate: (subject) => {
      let looks = 0
      return onSource((source) => ({
        describe: Effect.map(source.describe, (it) => ({ ...it, runtime_id: `${it.runtime_id}-${looks++}` }))
      }))(subject)
    }
  },
  {
    bug: "an epoch that changes at every look",
    caughtBy: "identity.description",
    mutate: (subject) => {
      let looks = 0
      return onSource((source) => ({
        describe: Effect.map(source.describe, (it) => ({ ...it, epoch: `epoch-${looks++}` }))
      }))(subject)
    }
  },
  {
    bug: "a description without a page limit",
    caughtBy: "identity.description",
    mutate: onSource((source) => ({
      describe: Effect.map(source.describe, (it) => ({ ...it, max_transcript_items: 0 }))
    }))
  },
  {
    bug: "creation declared while nothing could run a worker",
    caughtBy: "identity.creation",
    mutate: onSource((source) => ({
      describe: Effect.map(source.describe, (it) => ({ ...it, worker_creation_available: false, profiles: [] }))
    }))
  },
  {
    bug: "workers answered under the runtime's own id",
    caughtBy: "identity.answers",
    mutate: onSource((source) => ({
      get: (id) => Effect.map(source.get(id), (it) => ({ ...it, runtime_id: other }))
    }))
  },
  {
    bug: "listed workers under the runtime's own id",
    caughtBy: "identity.answers",
    mutate: onSource((source) => ({
      list: (query) =>
        Effect.map(source.list(query), (page) => ({
          ...page,
          items: page.items.map((it) => ({ ...it, runtime_id: other }))
        }))
    }))
  },
  {
    bug: "an ack about another worker",
    caughtBy: "identity.answers",
    mutate: onSource((source) => ({
      stop: (id, reason, options) =>
        Effect.map(source.stop(id, reason, options), (it) => ({
          ...it,
          answer: { ...it.answer, worker_id: "another" as WorkerId }
        }))
    }))
  },
  {
    bug: "workers that only the connection knows that made them",
    caughtBy: "identity.connections",
    mutate: onSource((source) => {
      const own = new Set<string>()
      return {
        create: (request, options) =>
          Effect.tap(source.create(request, options), ({ answer }) => Effect.sync(() => own.add(answer.worker_id))),
        get: (worker_id) =>
          own.has(worker_id)
            ? source.get(worker_id)
            : Effect.fail(problem(source, "worker.get", "worker_not_found", { worker_id }))
      }
    })
  },
  {
    bug: "create declared and unsupported",
    caughtBy: "honesty.create",
    mutate: onSource((source) => ({
      create: () => Effect.fail(problem(source, "worker.create", "operation_unsupported"))
    }))
  },
  {
    bug: "create not declared and working",
    caughtBy: "honesty.create",
    mutate: undeclare("workers.create")
  },
  {
    bug: "input not declared and working",
    caughtBy: "honesty.input",
    mutate: undeclare("workers.input")
  },
  {
    bug: "stop declared and unsupported",
    caughtBy: "honesty.stop",
    mutate: onSource((source) => ({
      stop: () => Effect.fail(problem(source, "worker.stop", "operation_unsupported"))
    }))
  },
  {
    bug: "an undeclared cancel refused as an unknown worker",
    caughtBy: "honesty.cancel",
    mutate: (subject) =>
      undeclare("workers.cancel")(
        onSource((source) => ({
          cancel: (worker_id) => Effect.fail(problem(source, "worker.cancel", "worker_not_found", { worker_id }))
        }))(subject)
      )
  },
  {
    bug: "transcripts declared and not there",
    caughtBy: "honesty.transcript",
    mutate: onSource((source) => ({
      transcript: (worker_id) => Effect.fail(problem(source, "worker.transcript", "not_found", { worker_id }))
    }))
  },
  {
    bug: "events declared and unsupported",
    caughtBy: "honesty.events",
    mutate: onSource((source) => ({
      events: () => Stream.fail(problem(source, "worker.events", "operation_unsupported"))
    }))
  },
  {
    bug: "events not declared and streaming",
    caughtBy: "honesty.events",
    mutate: undeclare("events.ws", "events.sse")
  },
  {
    bug: "config bundles not declared and kept",
    caughtBy: "honesty.config_bundles",
    mutate: undeclare("config_bundles")
  },
  {
    bug: "every answer claims to be a replay",
    caughtBy: "honesty.idempotency",
    mutate: onSource((source) => ({
      stop: (id, reason, options) => Effect.map(source.stop(id, reason, options), (it) => ({ ...it, replayed: true }))
    }))
  }
]
