/**
 * The test of a connection: the way to the runtime step by step where the kind has one, then the same calls through the
 * same source that real calls use. What fails tells at which step; the rest is then said not to have been reached.
 */
import { DateTime, Effect, Layer, Result, type Scope, Semaphore } from "effect"
import type { ConnectionEntry } from "../Connection.ts"
import {
  ConnectionTest,
  maxRunningTests,
  type Operation,
  type TestOptions,
  type TestReport
} from "../ConnectionTest.ts"
import type { Diagnostic } from "../Diagnostic.ts"
import * as Problem from "../Problem.ts"
import type { RuntimeDescription } from "../Runtime.ts"
import { RuntimeRegistry } from "../RuntimeRegistry.ts"
import type { RuntimeSource } from "../RuntimeSource.ts"
import { isSecretRef, SecretResolver, unresolvable } from "../SecretResolver.ts"
import { SourceKinds } from "../SourceKind.ts"
import * as OperationCheck from "./OperationCheck.ts"
import { StepRecord } from "./StepRecord.ts"

type Source = RuntimeSource["Service"]

/** Looks the secret up anew, so that the test and the calls after it use the one that is there now. */
const refreshSecret = Effect.fnUntraced(function* (ref: string | undefined) {
  if (ref === undefined) return
  const secrets = yield* SecretResolver
  yield* isSecretRef(ref) ? secrets.refresh(ref) : Effect.fail(unresolvable("unknown_scheme"))
})

/** A runtime that wants a token from a connection without one is another case than a wrong token. */
const tellNoToken = (entry: ConnectionEntry) => (problem: Problem.Problem) =>
  problem._tag === "runtime_auth_failed" && entry.token_ref === undefined
    ? Problem.make("runtime_auth_failed", "The runtime asks for a token, and the connection names none.", {
        ...problem.context,
        reason: "no_token"
      })
    : problem

/** From the policy to the runtime's description of itself. */
const negotiate = Effect.fnUntraced(function* (entry: ConnectionEntry, live: Source | undefined, steps: StepRecord) {
  const kinds = yield* SourceKinds
  if (!(yield* kinds.reach(entry, steps))) {
    for (const step of ["policy", "url", "dns", "tcp", "tls"] as const) {
      yield* steps.skip(step, "not_applicable", "This kind has no such step.")
    }
  }
  yield* refreshSecret(entry.token_ref).pipe(
    Effect.tapError(() => steps.skip("http", "not_reached", "Without the secret no call is made."))
  )
  const source = live ?? (yield* kinds.connect(entry))
  const { latency_ms, result } = yield* steps.timed(source.describe)
  const described = Result.mapError(result, tellNoToken(entry))
  if (Result.isFailure(described)) {
    const problem = described.failure
    // What the answer says about the token or the protocol was read from an answer.
    if (["runtime_auth_failed", "operation_unsupported", "runtime_incompatible"].includes(problem._tag)) {
      yield* steps.passed("http", latency_ms, "Something answered over HTTP.")
    }
    yield* steps.failed(problem, undefined, latency_ms)
    return yield* problem
  }
  yield* steps.passed("http", latency_ms, "The runtime answered.")
  yield* steps.passed(
    "auth",
    0,
    entry.token_ref === undefined ? "The runtime asks for no token." : "The runtime accepted the token."
  )
  yield* steps.passed("protocol", 0, "The answer is one of the runtime API, version 1.")
  return { source, description: described.success }
})

const cannotCreate = "The runtime answers but cannot create workers: it has nothing that could run one."

const lacking = (missing: ReadonlyArray<string>): Problem.Problem =>
  missing.includes("workers.create")
    ? Problem.make("execution_backend_unavailable", cannotCreate)
    : Problem.make("operation_unsupported", `The runtime does not have: ${missing.join(", ")}.`)

/** What the runtime can do. Its answer is a verdict for each operation, and the problem that ended the test early. */
const examine = Effect.fnUntraced(function* (source: Source, description: RuntimeDescription, steps: StepRecord) {
  const said = description.capabilities
  yield* steps.passed(
    "capabilities",
    0,
    said === undefined
      ? {
          code: "undeclared",
          summary: "The runtime sends no capability map; it is judged by what it answers.",
          fix: "Nothing has to be done; a newer runtime declares what it can do."
        }
      : `The runtime declares ${Object.keys(said).length} capabilities.`
  )
  const declared = OperationCheck.asDeclared(description)
  const { latency_ms, result } = yield* steps.timed(OperationCheck.read(source, description))
  if (Result.isFailure(result)) {
    yield* steps.failed(result.failure, "operations", latency_ms)
    const unlisted = new Map([["workers.list", { verdict: "unavailable", basis: "tried" } as const]])
    return { operations: OperationCheck.withTried(declared, unlisted), problem: result.failure }
  }
  const { found, worker } = result.success
  const operations = OperationCheck.withTried(declared, found)
  const missing = OperationCheck.missing(operations)
  if (missing.length > 0) yield* steps.failed(lacking(missing), "operations", latency_ms)
  else yield* steps.passed("operations", latency_ms, "What the product needs is there, or declared.")
  if (operations.some(({ operation, verdict }) => operation === "events.ws" && verdict === "unavailable")) {
    yield* steps.skip("stream", "not_applicable", "The runtime declares no event stream.")
    return { operations, problem: undefined }
  }
  if (worker === undefined) {
    yield* steps.skip("stream", "nothing_to_watch", "There is no worker to watch.")
    return { operations, problem: undefined }
  }
  const opened = yield* steps.timed(OperationCheck.watch(source, worker))
  const problem = Result.isFailure(opened.result) ? opened.result.failure : undefined
  if (problem === undefined) {
    yield* steps.passed("stream", opened.latency_ms, "The event stream opened and delivered its first frame.")
  } else yield* steps.failed(problem, "stream", opened.latency_ms)
  const outcome = { verdict: problem === undefined ? "available" : "unavailable", basis: "tried" } as const
  return { operations: OperationCheck.withTried(operations, new Map([["events.ws", outcome]])), problem }
})

const remarks = ({ status, worker_creation_available }: RuntimeDescription): ReadonlyArray<Diagnostic> => [
  ...(status === "stopped"
    ? [{ code: "runtime_stopped", severity: "warning" as const, message: "The runtime says that it is stopped." }]
    : []),
  ...(worker_creation_available
    ? []
    : [{ code: "execution_backend_unavailable", severity: "error" as const, message: cannotCreate }])
]

const observedOf = ({ capabilities, display_name, runtime_id, status, version }: RuntimeDescription) => ({
  runtime_id,
  display_name,
  status,
  ...(version === undefined ? undefined : { version }),
  capabilities: capabilities ?? {}
})

const report = Effect.fnUntraced(function* (
  entry: ConnectionEntry,
  options: TestOptions
): Effect.fn.Return<TestReport, never, SourceKinds | RuntimeRegistry | SecretResolver | Scope.Scope> {
  const registry = yield* RuntimeRegistry
  const checked_at = DateTime.formatIso(yield* DateTime.now)
  const steps = yield* StepRecord.make(options.onStep)
  const live = options.live ? yield* Effect.option(registry.get(entry.id)) : undefined
  const source = live?._tag === "Some" ? live.value.source : undefined
  const observe = (result: Result.Result<unknown, Problem.Problem>) =>
    source === undefined ? Effect.void : registry.observe(entry.id, result)

  const negotiated = yield* Effect.result(negotiate(entry, source, steps))
  let operations: ReadonlyArray<Operation> = OperationCheck.asDeclared(undefined)
  if (Result.isFailure(negotiated)) {
    yield* steps.failed(negotiated.failure)
    yield* observe(negotiated)
  } else {
    const { description, source } = negotiated.success
    const examined = yield* examine(source, description, steps)
    operations = examined.operations
    // A token that may look but not list is not one that was accepted.
    const rejected = examined.problem?._tag === "runtime_auth_failed" ? examined.problem : undefined
    yield* observe(rejected === undefined ? negotiated : Result.fail(rejected))
  }
  const description = Result.isSuccess(negotiated) ? negotiated.success.description : undefined
  const failedAt = steps.failedAt
  return {
    ...(options.saved ? { id: entry.id as string } : undefined),
    checked_at,
    compatible: failedAt === undefined,
    protocol: {
      compatible: description !== undefined,
      basis: description === undefined ? `not reached: ${failedAt ?? "url"}` : "v1 runtime endpoint responded"
    },
    observed: description === undefined ? null : observedOf(description),
    steps: yield* steps.finish,
    operations,
    diagnostics: description === undefined ? [] : remarks(description)
  } satisfies TestReport
})

export const layer = Layer.effect(
  ConnectionTest,
  Effect.gen(function* () {
    const services = yield* Effect.context<SourceKinds | RuntimeRegistry | SecretResolver>()
    const running = yield* Semaphore.make(maxRunningTests)
    return ConnectionTest.of({
      run: (entry, options) =>
        running.withPermit(Effect.scoped(report(entry, options))).pipe(Effect.provideContext(services))
    })
  })
)
