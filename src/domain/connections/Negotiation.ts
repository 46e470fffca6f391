/**
 * The test of a connection, through the same source that real calls use: what fails tells at which step it failed, what
 * works is then asked for operation by operation, and an event stream is really opened where there is a worker to watch.
 */
import { Clock, DateTime, Duration, Effect, Layer, type Scope, Stream } from "effect"
import type { ConnectionEntry } from "../Connection.ts"
import { ConnectionTest, type Step, type StepName, type TestReport } from "../ConnectionTest.ts"
import type { Diagnostic } from "../Diagnostic.ts"
import * as Problem from "../Problem.ts"
import { rowOf } from "../ProblemCatalogue.ts"
import { capability, type RuntimeDescription } from "../Runtime.ts"
import { RuntimeRegistry } from "../RuntimeRegistry.ts"
import type { RuntimeSource } from "../RuntimeSource.ts"
import { SourceKinds } from "../SourceKind.ts"
import type { Worker } from "../Worker.ts"

/** One step may take this long … */
const stepTimeout = Duration.seconds(5)
/** … and the whole test this long. */
const totalTimeout = Duration.seconds(15)

const reaching: ReadonlyArray<StepName> = ["policy", "url", "dns", "tcp", "tls", "http", "auth", "protocol"]

/** The step at which a problem of the first call shows. */
const stepOf = ({ _tag, context }: Problem.Problem): StepName => {
  switch (_tag) {
    case "egress_refused":
      return "policy"
    case "invalid_request":
    case "invalid_endpoint":
      return "url"
    case "secret_unresolvable":
    case "runtime_auth_failed":
      return "auth"
    case "runtime_unreachable":
      return context.reason === "dns" ? "dns" : context.reason?.startsWith("tls") === true ? "tls" : "tcp"
    case "runtime_protocol_error":
    case "runtime_incompatible":
    case "operation_unsupported":
      return "protocol"
    default:
      return "http"
  }
}

const codeOf = ({ _tag, context }: Problem.Problem): string =>
  context.reason === undefined ? _tag : `${_tag}.${context.reason}`

const failed = (step: StepName, problem: Problem.Problem, latency_ms: number): Step => ({
  step,
  status: "fail",
  code: codeOf(problem),
  latency_ms,
  summary: problem.message,
  fix: rowOf(problem._tag).fix
})
const skipped = (step: StepName, summary: string): Step => ({ step, status: "skip", code: "not_reached", latency_ms: 0, summary })
const passed = (step: StepName, latency_ms: number, summary: string): Step => ({
  step,
  status: "pass",
  code: "ok",
  latency_ms,
  summary
})

const timed = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const before = yield* Clock.currentTimeMillis
    const result = yield* Effect.result(effect)
    return { result, ms: (yield* Clock.currentTimeMillis) - before }
  })

const bounded = <A, R>(effect: Effect.Effect<A, Problem.Problem, R>) =>
  Effect.timeoutOrElse(effect, {
    duration: stepTimeout,
    orElse: () => Problem.fail("runtime_timeout", `The step took longer than ${Duration.format(stepTimeout)}.`)
  })

/** The operations that a report covers, with the capability that each stands on. */
const operations = [
  { operation: "list workers", needed: true, capability: undefined },
  { operation: "observe worker detail", needed: true, capability: undefined },
  { operation: "event stream", needed: true, capability: capability.eventsWs },
  { operation: "spawn worker", needed: true, capability: capability.create },
  { operation: "input dispatch", needed: true, capability: capability.input },
  { operation: "config bundle availability", needed: false, capability: capability.configBundles },
  { operation: "config bundle sync", needed: false, capability: capability.configBundles }
] as const

type Verdict = TestReport["operations"][number]["verdict"]

/** What only reading can tell: listing, one detail, the bundles. Nothing that would change the runtime is tried. */
const tryReads = Effect.fnUntraced(function* (source: RuntimeSource["Service"]) {
  const listed = yield* Effect.result(bounded(source.list({ limit: 1 })))
  const worker = listed._tag === "Success" ? listed.success.items[0] : undefined
  const detail = worker === undefined ? undefined : yield* Effect.result(bounded(source.get(worker.worker_id)))
  const bundles = yield* Effect.result(bounded(source.bundles))
  const verdicts = new Map<string, Verdict>([
    ["list workers", listed._tag === "Success" ? "available" : "unavailable"],
    ["observe worker detail", detail === undefined ? "unchecked" : detail._tag === "Success" ? "available" : "unavailable"],
    ["config bundle availability", bundles._tag === "Success" ? "available" : "unavailable"]
  ])
  return { worker, verdicts, failure: listed._tag === "Failure" ? listed.failure : undefined }
})

const declared = (description: RuntimeDescription, name: string | undefined): Verdict => {
  if (name === undefined || description.capabilities === undefined) return "unchecked"
  if (!(name in description.capabilities)) return "unavailable"
  if (name === capability.create) return description.worker_creation_available ? "available" : "unavailable"
  return "available"
}

const tryStream = Effect.fnUntraced(function* (source: RuntimeSource["Service"], worker: Worker | undefined) {
  if (worker === undefined) return skipped("stream", "There is no worker to watch.")
  const { ms, result } = yield* timed(
    bounded(source.events(worker.worker_id, undefined).pipe(Stream.take(1), Stream.runDrain))
  )
  return result._tag === "Success"
    ? passed("stream", ms, "The event stream opened and delivered a snapshot.")
    : failed("stream", result.failure, ms)
})

const cannotCreate: Diagnostic = {
  code: "execution_backend_unavailable",
  severity: "warning",
  message: "The runtime answers but cannot create workers: it has nothing that could run one."
}

const examine = Effect.fnUntraced(function* (source: RuntimeSource["Service"], description: RuntimeDescription) {
  const said = description.capabilities
  const steps: Array<Step> = [
    said === undefined
      ? { ...passed("capabilities", 0, "The runtime sends no capability map; it is judged by what it answers."), status: "warn", code: "undeclared" }
      : passed("capabilities", 0, `The runtime declares ${Object.keys(said).length} capabilities.`)
  ]
  const { ms, result } = yield* timed(tryReads(source))
  const read = result._tag === "Success" ? result.success : undefined
  const verdicts = operations.map(({ capability: name, needed, operation }) => ({
    operation,
    needed,
    verdict: read?.verdicts.get(operation) ?? declared(description, name)
  }))
  const missing = verdicts.filter((it) => it.needed && it.verdict === "unavailable").map((it) => it.operation)
  steps.push(
    read?.failure !== undefined
      ? failed("operations", read.failure, ms)
      : missing.length > 0
        ? { ...passed("operations", ms, `Not available: ${missing.join(", ")}.`), status: "warn", code: "operations_missing" }
        : passed("operations", ms, "What the product needs is available or declared.")
  )
  const stream = yield* tryStream(source, read?.worker)
  steps.push(stream)
  const opened = verdicts.map((it) =>
    it.operation === "event stream" && stream.status !== "skip"
      ? { ...it, verdict: stream.status === "pass" ? ("available" as const) : ("unavailable" as const) }
      : it
  )
  return { steps, operations: opened, failed: read?.failure !== undefined || stream.status === "fail" }
})

const report = Effect.fnUntraced(function* (entry: ConnectionEntry, saved: boolean): Effect.fn.Return<TestReport, never, SourceKinds | RuntimeRegistry | Scope.Scope> {
  const kinds = yield* SourceKinds
  const registry = yield* RuntimeRegistry
  const checked_at = DateTime.formatIso(yield* DateTime.now)
  const connected = Effect.flatMap(kinds.connect(entry), (source) =>
    Effect.map(bounded(source.describe), (description) => ({ source, description }))
  )
  const { ms, result } = yield* timed(connected)
  if (saved) yield* registry.observe(entry.id, result)
  const identity = saved ? { id: entry.id as string } : undefined
  if (result._tag === "Failure") {
    const at = stepOf(result.failure)
    const index = reaching.indexOf(at)
    const steps = reaching.map((step, position) =>
      position < index
        ? passed(step, 0, "Nothing stands in the way here.")
        : position === index
          ? failed(step, result.failure, ms)
          : skipped(step, "Not reached.")
    )
    return {
      ...identity,
      checked_at,
      compatible: false,
      protocol: { compatible: false, basis: `not reached: ${at}` },
      observed: null,
      steps: [...steps, ...(["capabilities", "operations", "stream"] as const).map((step) => skipped(step, "Not reached."))],
      operations: operations.map(({ needed, operation }) => ({ operation, needed, verdict: "unchecked" as const })),
      diagnostics: []
    } satisfies TestReport
  }
  const { description, source } = result.success
  const examined = yield* examine(source, description)
  const { capabilities, display_name, runtime_id, status, version } = description
  return {
    ...identity,
    checked_at,
    compatible: !examined.failed,
    protocol: { compatible: true, basis: "v1 runtime endpoint responded" },
    observed: {
      runtime_id,
      display_name,
      status,
      ...(version === undefined ? undefined : { version }),
      capabilities: capabilities ?? {}
    },
    steps: [
      ...reaching.map((step) => passed(step, step === "http" ? ms : 0, "Nothing stands in the way here.")),
      ...examined.steps
    ],
    operations: examined.operations,
    diagnostics: description.worker_creation_available ? [] : [cannotCreate]
  } satisfies TestReport
})

export const layer = Layer.effect(
  ConnectionTest,
  Effect.gen(function* () {
    const services = yield* Effect.context<SourceKinds | RuntimeRegistry>()
    return ConnectionTest.of({
      run: (entry, saved) =>
        report(entry, saved).pipe(
          Effect.scoped,
          Effect.timeoutOrElse({
            duration: totalTimeout,
            orElse: () => Problem.fail("runtime_timeout", `The test took longer than ${Duration.format(totalTimeout)}.`)
          }),
          Effect.provideContext(services)
        )
    })
  })
)
