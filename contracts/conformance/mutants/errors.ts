/** Wrong codes, missing words, and problems that say too much. */
import { Effect, Stream } from "effect"
import * as Problem from "../../../src/domain/Problem.ts"
import type { Connect, Source, Subject } from "../../../src/domain/conformance/Conformance.ts"
import { address, token, wrongToken } from "../Laboratory.ts"
import { hangs, type Mutant, onSource, problem, told } from "./Mutant.ts"

/** Changes every problem of the calls that are easily provoked. */
const onProblems = (change: (it: Problem.Problem) => Problem.Problem) =>
  onSource((source) => ({
    get: (id) => Effect.mapError(source.get(id), change),
    create: (...asked) => Effect.mapError(source.create(...asked), change),
    input: (...asked) => Effect.mapError(source.input(...asked), change)
  }))

const saying = (detail: string) => onProblems((it) => Problem.make(it._tag, detail, it.context))

const replaced = (connect: Connect, change: (it: Problem.Problem) => Effect.Effect<never, Problem.Problem>): Connect =>
  Effect.map(connect, (source): Source => ({
    ...source,
    describe: Effect.catch(source.describe, change),
    list: (query) => Effect.catch(source.list(query), change)
  }))

const onUnreachable =
  (change: (it: Problem.Problem) => Problem.Problem) =>
  (subject: Subject): Subject => ({
    ...subject,
    unreachable: replaced(subject.unreachable!, (it) => Effect.fail(change(it)))
  })

const onBad =
  (change: (it: Problem.Problem) => Effect.Effect<never, Problem.Problem>) =>
  (subject: Subject): Subject => ({
    ...subject,
    credential:
      subject.credential.kind === "none"
        ? subject.credential
        : { kind: "token", bad: replaced(subject.credential.bad, change) }
  })

export const mutants: ReadonlyArray<Mutant> = [
  {
    bug: "an unknown worker is an internal error",
    caughtBy: "errors.unknown-worker",
    mutate: onProblems(told("worker_not_found", "internal"))
  },
  {
    bug: "an unknown worker is a runtime that cannot be reached",
    caughtBy: "errors.unknown-worker",
    mutate: onProblems(told("worker_not_found", "runtime_unreachable"))
  },
  {
    bug: "stopping an unknown worker succeeds",
    caughtBy: "errors.unknown-worker",
    mutate: onSource((source) => ({
      stop: (worker_id, reason, options) =>
        Effect.catchTag(source.stop(worker_id, reason, options), "worker_not_found", () =>
          Effect.succeed({
            answer: { runtime_id: source.id, worker_id, state: "stopped" as const, event_id: 0 },
            replayed: false
          })
        )
    }))
  },
  {
    bug: "the stream of an unknown worker is just empty",
    caughtBy: "errors.unknown-worker",
    mutate: onSource((source) => ({
      events: (...asked) => Stream.catchTag(source.events(...asked), "worker_not_found", () => Stream.empty)
    }))
  },
  {
    bug: "a problem that does not say which runtime it is about",
    caughtBy: "errors.unknown-worker",
    mutate: onProblems((it) => {
      const { runtime_id: _, ...context } = it.context
      return Problem.make(it._tag, it.detail, context)
    })
  },
  {
    bug: "a problem without a message",
    caughtBy: "errors.unknown-worker",
    mutate: onProblems((it) => Problem.make(it._tag, "", it.context))
  },
  {
    bug: "a problem that is thrown and not returned",
    caughtBy: "errors.unknown-worker",
    mutate: onSource((source) => ({ get: (id) => Effect.orDie(source.get(id)) }))
  },
  {
    bug: "an id that is put into a path as it is",
    caughtBy: "errors.hostile-id",
    mutate: onSource((source) => ({
      get: (id) =>
        Effect.flatMap(source.list({ limit: 1 }), ({ items }) =>
          id.startsWith("a?") && items[0] !== undefined ? Effect.succeed(items[0]) : source.get(id)
        )
    }))
  },
  {
    bug: "busy is reported as rejected",
    caughtBy: "errors.busy",
    mutate: onProblems(told("worker_busy", "worker_execution_rejected"))
  },
  {
    bug: "busy does not say when to come back",
    caughtBy: "errors.busy",
    mutate: onProblems((it) => {
      const { retry_after_ms: _, ...context } = it.context
      return Problem.make(it._tag, it.detail, context)
    })
  },
  {
    bug: "a blank input is taken",
    caughtBy: "errors.blank-input",
    mutate: onSource((source) => ({
      input: (worker_id, input, options) =>
        source.input(worker_id, input.content.trim() === "" ? { ...input, content: "(blank)" } : input, options)
    }))
  },
  {
    bug: "a too large input is a broken runtime",
    caughtBy: "errors.large-input",
    mutate: onProblems(told("payload_too_large", "runtime_protocol_error"))
  },
  {
    bug: "the largest input is refused",
    caughtBy: "errors.large-input",
    mutate: onSource((source) => ({
      input: (worker_id, input, options) =>
        input.content.length >= 1_048_576
          ? Effect.fail(problem(source, "worker.input", "payload_too_large", { worker_id }))
          : source.input(worker_id, input, options)
    }))
  },
  {
    bug: "an unknown profile falls back to the default",
    caughtBy: "errors.unknown-profile",
    mutate: onSource((source) => ({
      create: (request, options) =>
        source.create(
          request.profile?.kind === "named" ? { ...request, profile: { kind: "runtime_default" } } : request,
          options
        )
    }))
  },
  {
    bug: "an initial input of the system is taken for the user's",
    caughtBy: "errors.initial-input",
    mutate: onSource((source) => ({
      create: ({ initial_input, ...request }, options) =>
        source.create(
          initial_input === undefined ? request : { ...request, initial_input: { ...initial_input, kind: "user" } },
          options
        )
    }))
  },
  {
    bug: "a URL in a problem",
    caughtBy: "egress.problems",
    mutate: saying("GET http://10.0.0.7:38800/v1/workers/x answered 404")
  },
  {
    bug: "an IP address in a problem",
    caughtBy: "egress.problems",
    mutate: saying("connect ECONNREFUSED 10.0.0.7:38800")
  },
  {
    bug: "a folder in a problem",
    caughtBy: "egress.problems",
    mutate: saying("ENOENT: open '/var/lib/runtime/workers/w-1/log'")
  },
  {
    bug: "a stack in a problem",
    caughtBy: "egress.problems",
    mutate: onProblems((it) => {
      const copy = Problem.make(it._tag, it.detail, it.context)
      copy.stack = `${it._tag}\n    at get (file.ts:12:3)`
      return copy
    })
  },
  {
    bug: "the cause of a problem goes along with it",
    caughtBy: "egress.problems",
    mutate: onProblems((it) =>
      Object.assign(Problem.make(it._tag, it.detail, it.context), { cause: new Error(`connect to ${address}`) })
    )
  },
  {
    bug: "the token in a problem",
    caughtBy: "egress.problems",
    mutate: onProblems((it) => Problem.make(it._tag, it.detail, { ...it.context, reason: token }))
  },
  {
    bug: "the address as the name of the runtime",
    caughtBy: "egress.answers",
    mutate: onSource((source) => ({
      describe: Effect.map(source.describe, (it) => ({ ...it, display_name: `Runtime at ${address}` }))
    }))
  },
  {
    bug: "the address in the worker's name",
    caughtBy: "egress.answers",
    mutate: onSource((source) => ({
      get: (id) => Effect.map(source.get(id), (it) => ({ ...it, display_name: `${it.display_name} (${address})` }))
    }))
  },
  {
    bug: "a host that cannot be resolved is a worker that does not exist",
    caughtBy: "egress.unreachable",
    mutate: onUnreachable((it) => Problem.make("worker_not_found", undefined, it.context))
  },
  {
    bug: "the address of a runtime that is not there",
    caughtBy: "egress.unreachable",
    mutate: onUnreachable((it) => Problem.make(it._tag, `connect to ${address}`, it.context))
  },
  {
    bug: "an outage that is not worth coming back for",
    caughtBy: "egress.unreachable",
    mutate: onUnreachable((it) => Problem.make("runtime_protocol_error", undefined, it.context))
  },
  {
    bug: "a wrong token is accepted",
    caughtBy: "secrets.bad-credential",
    mutate: (subject) => ({ ...subject, credential: { kind: "token", bad: subject.connect } })
  },
  {
    bug: "the runtime's 401 becomes the caller's",
    caughtBy: "secrets.bad-credential",
    mutate: onBad((it) => Effect.fail(Problem.make("unauthorized", undefined, it.context)))
  },
  {
    bug: "a refused token is an outage",
    caughtBy: "secrets.bad-credential",
    mutate: onBad((it) => Effect.fail(Problem.make("runtime_unreachable", undefined, it.context)))
  },
  {
    bug: "the refused token in the refusal",
    caughtBy: "secrets.bad-credential",
    mutate: onBad((it) => Effect.fail(Problem.make(it._tag, `The token ${wrongToken} was refused.`, it.context)))
  },
  {
    bug: "a refused token is tried again for ever, without a word",
    caughtBy: "secrets.bad-credential",
    hangsMs: hangs,
    mutate: onBad(() => Effect.never)
  },
  {
    bug: "the token on the source",
    caughtBy: "secrets.source",
    mutate: onSource(() => ({ options: { headers: { authorization: `Bearer ${token}` } } }) as Partial<Source>)
  },
  {
    bug: "a validation error that repeats the value",
    caughtBy: "secrets.not-repeated",
    mutate: onSource((source) => ({
      create: (request, options) =>
        Effect.mapError(source.create(request, options), (it) =>
          it._tag === "invalid_profile_selector"
            ? Problem.make(it._tag, `Unknown profile ${JSON.stringify(request.profile)}`, it.context)
            : it
        )
    }))
  }
]
