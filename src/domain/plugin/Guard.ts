/**
 * What stands between the product and the primitives of a kind, so that no author has to write it: what was not declared
 * is not asked, calls have a deadline and are counted, and a failure that is not a problem becomes one.
 */
import { Cause, Clock, Context, Duration, Effect, type Exit, Fiber, Metric, Result, Stream, Tracer } from "effect"
import type { RuntimeId, WorkerId } from "../Identifiers.ts"
import * as Problem from "../Problem.ts"
import { type Capabilities, capability, type RuntimeDescription } from "../Runtime.ts"
import type { Primitives, SourceFrame } from "../RuntimeSource.ts"
import * as RuntimeFault from "../RuntimeFault.ts"
import { maxPageItems } from "../Transcript.ts"
import * as Answers from "./Answers.ts"
import type { SourcePrimitives } from "./Definition.ts"
import * as SafeProblem from "./SafeProblem.ts"

/**
 * How long a plugin's operation may take wherever it is asked from: twice the registry's deadline, which comes first for
 * every call that a person waits for.
 */
export const callDeadline = Duration.seconds(10)

export interface Guarding {
  readonly kind: string
  readonly runtime_id: RuntimeId
  /** As declared; undefined = nothing is declared, and everything is asked. */
  readonly capabilities: Capabilities | undefined
  readonly reasons: Readonly<Record<string, string>>
  /** A kind of the product itself: its answers are not checked, and its own sentences are shown. */
  readonly trusted: boolean
  /** For metrics, whose series are made once. */
  readonly services: Context.Context<never>
}

const calls = Metric.counter("yoi_source_calls_total", {
  description: "Operations asked of runtimes by kind, operation and code; the code of a success is ok.",
  incremental: true
})

const durations = Metric.histogram("yoi_source_call_seconds", {
  description: "Time of an operation by kind and operation. Streams are not in it.",
  boundaries: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5]
})

const counting = ({ kind, services }: Guarding) => {
  const counters = new Map<string, typeof calls>()
  const timers = new Map<string, typeof durations>()
  return (operation: string, code: string, seconds: number | undefined) => {
    const key = `${operation} ${code}`
    let counter = counters.get(key)
    if (counter === undefined) counters.set(key, (counter = Metric.withAttributes(calls, { kind, operation, code })))
    counter.updateUnsafe(1, services)
    if (seconds === undefined) return
    let timer = timers.get(operation)
    if (timer === undefined) timers.set(operation, (timer = Metric.withAttributes(durations, { kind, operation })))
    timer.updateUnsafe(seconds, services)
  }
}

const unsupported = (name: string) => Problem.fail("operation_unsupported", undefined, { capability: name })

/** The problem that a plugin's failure or defect is; the log learns the kind of a defect, and nothing that it says. */
const explain = Effect.fnUntraced(function* (cause: Cause.Cause<unknown>, it: Guarding, operation: string) {
  const defect = Cause.findDefect(cause)
  const problem = Result.isSuccess(defect)
    ? SafeProblem.failed("defect")
    : SafeProblem.ofPlugin(Cause.squash(cause), it.reasons)
  if (problem._tag === "plugin_failed") {
    yield* Effect.logWarning("A plugin failed").pipe(
      Effect.annotateLogs({
        kind: it.kind,
        runtime_id: it.runtime_id,
        operation,
        error: SafeProblem.nameOf(Cause.squash(cause)),
        at: SafeProblem.whereOf(Cause.squash(cause)),
        reason: problem.context.reason ?? ""
      })
    )
  }
  return problem
})

/** In a fiber of its own: whoever waits may go at once, also when the plugin does not let itself be interrupted. */
export const apart = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.flatMap(Effect.forkDetach(Effect.interruptible(effect), { startImmediately: true }), (fiber) =>
      Effect.onInterrupt(restore(Fiber.join(fiber)), () =>
        Effect.forkDetach(Fiber.interrupt(fiber), { startImmediately: true })
      )
    )
  )

/** Makes problems of everything that a call can end with, except being interrupted. */
export const contained = <A, R>(
  effect: Effect.Effect<A, unknown, R>,
  it: Guarding,
  operation: string
): Effect.Effect<A, Problem.Problem, R> =>
  Effect.catchCause(apart(effect), (cause) =>
    Cause.hasInterruptsOnly(cause)
      ? Effect.failCause(cause as Cause.Cause<never>)
      : Effect.flatMap(explain(cause, it, operation), Effect.fail)
  )

/** The description with what the author left out. What is described and not declared is not offered either. */
const completed = (said: Partial<RuntimeDescription>, { capabilities: declared, runtime_id }: Guarding) => {
  const capabilities =
    declared === undefined || said.capabilities === undefined
      ? (said.capabilities ?? declared)
      : Object.fromEntries(Object.entries(said.capabilities).filter(([name]) => Object.hasOwn(declared, name)))
  return {
    runtime_id,
    display_name: null,
    status: "running",
    worker_count: 0,
    worker_creation_available: capabilities === undefined || Object.hasOwn(capabilities, capability.create),
    profiles: [],
    max_transcript_items: maxPageItems,
    ...said,
    capabilities
  } satisfies RuntimeDescription
}

/** @returns the operations as the product may call them */
export const guard = (given: SourcePrimitives, it: Guarding): Required<Primitives> => {
  const count = counting(it)
  const clock = Context.get(it.services, Clock.Clock)
  // A span that nobody looks at costs more than the rest of the guard.
  const traced = it.services.mapUnsafe.has(Tracer.Tracer.key)
  const declares = (...names: ReadonlyArray<string>) =>
    it.capabilities === undefined || names.some((name) => Object.hasOwn(it.capabilities ?? {}, name))

  /** One call, from the look at what was declared to its metrics. */
  const call = <A>(
    operation: string,
    needs: string | undefined,
    ask: (() => Effect.Effect<A, Problem.Problem>) | undefined,
    answer: Answers.Check<A>
  ): Effect.Effect<A, Problem.Problem> => {
    if (needs !== undefined && !declares(needs)) return unsupported(needs)
    if (ask === undefined) return unsupported(needs ?? operation)
    const asked = it.trusted
      ? Effect.suspend(ask)
      : Effect.timeoutOrElse(contained(Effect.flatMap(Effect.suspend(ask), answer), it, operation), {
          duration: callDeadline,
          orElse: () => Effect.fail(RuntimeFault.problem("deadline"))
        })
    const timed = Effect.suspend(() => {
      const started = clock.currentTimeNanosUnsafe()
      return Effect.onExitPrimitive(asked, (exit) => {
        count(operation, codeOf(exit), Number(clock.currentTimeNanosUnsafe() - started) / 1e9)
        return undefined
      })
    })
    return traced
      ? Effect.withSpan(timed, `source.${operation}`, { attributes: { kind: it.kind, runtime_id: it.runtime_id } })
      : timed
  }

  const events = (worker_id: WorkerId, cursor: string | undefined): Stream.Stream<SourceFrame, Problem.Problem> => {
    const operation = "worker.events"
    const open = given.events
    if (open === undefined || !declares(capability.eventsWs, capability.eventsSse)) {
      return Stream.fromEffect(unsupported(capability.eventsWs))
    }
    const frames = Stream.suspend(() => open(worker_id, cursor))
    const safe = it.trusted
      ? frames
      : frames.pipe(
          Stream.mapArrayEffect(Answers.frames),
          Stream.catchCause((cause) => Stream.fromEffect(contained(Effect.failCause(cause), it, operation)))
        )
    return Stream.onExit(safe, (exit) => Effect.sync(() => count(operation, codeOf(exit), undefined)))
  }

  return {
    describe: call("runtime.describe", undefined, () => given.describe, Answers.description).pipe(
      Effect.map((said) => completed(said, it))
    ),
    list: (query) => call("worker.list", undefined, () => given.list(query), Answers.page),
    get: (id) => call("worker.get", undefined, () => given.get(id), Answers.worker),
    create: (request, options) =>
      call(
        "worker.create",
        capability.create,
        given.create && (() => given.create!(request, options)),
        Answers.created
      ),
    input: (id, input, options) =>
      call("worker.input", capability.input, given.input && (() => given.input!(id, input, options)), Answers.inputAck),
    stop: (id, reason, options) =>
      call("worker.stop", capability.stop, given.stop && (() => given.stop!(id, reason, options)), Answers.ack),
    cancel: (id, reason, options) =>
      call("worker.cancel", capability.cancel, given.cancel && (() => given.cancel!(id, reason, options)), Answers.ack),
    interrupt: (id, reason, options) =>
      call(
        "worker.interrupt",
        capability.interrupt,
        given.interrupt && (() => given.interrupt!(id, reason, options)),
        Answers.ack
      ),
    permit: (id, permission_id, option_id, options) =>
      call(
        "worker.permit",
        capability.permissions,
        given.permit && (() => given.permit!(id, permission_id, option_id, options)),
        Answers.ack
      ),
    unqueue: (id, input_id, options) =>
      call(
        "worker.unqueue",
        capability.input,
        given.unqueue && (() => given.unqueue!(id, input_id, options)),
        Answers.ack
      ),
    transcript: (id, query) =>
      call(
        "worker.transcript",
        capability.transcript,
        given.transcript && (() => given.transcript!(id, query)),
        Answers.transcript
      ),
    events,
    bundles: call("config_bundle.list", bundles, given.bundles && (() => given.bundles!), Answers.bundles),
    putBundle: (bundle) =>
      call("config_bundle.put", bundles, given.putBundle && (() => given.putBundle!(bundle)), Answers.availability),
    bundleAvailability: (id, digest) =>
      call(
        "config_bundle.availability",
        bundles,
        given.bundleAvailability && (() => given.bundleAvailability!(id, digest)),
        Answers.availability
      )
  }
}

const bundles = capability.configBundles

/** The code of a call that ended without one. */
const uncoded = (cause: Cause.Cause<unknown>): string => (Cause.hasInterruptsOnly(cause) ? "interrupted" : "defect")

const codeOf = (exit: Exit.Exit<unknown, Problem.Problem>): string => {
  if (exit._tag === "Success") return "ok"
  const failure = Cause.findErrorOption(exit.cause)
  return failure._tag === "Some" ? failure.value._tag : uncoded(exit.cause)
}
