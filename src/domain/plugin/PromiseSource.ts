/** A kind of runtime for authors who write promises: async functions, an `AsyncIterable` of frames, an `AbortSignal` per call. */
import { Effect, type Redacted, Schema, SchemaRepresentation, Scope, Stream } from "effect"
import type { ConfigBundle, ConfigBundleSummary } from "../ConfigBundle.ts"
import type { RuntimeId, WorkerId } from "../Identifiers.ts"
import type * as Problem from "../Problem.ts"
import type { BundleAvailability, SourceFrame } from "../RuntimeSource.ts"
import type { TranscriptPage, TranscriptQuery } from "../Transcript.ts"
import type {
  Ack,
  CommandOptions,
  CreateWorker,
  InputAck,
  InputRequest,
  ListQuery,
  Replayable,
  Worker,
  WorkerPage
} from "../Worker.ts"
import {
  defineRuntimeSource,
  type RuntimeSourceDefinition,
  type RuntimeSourceFacts,
  type SourceDescription,
  type SourcePrimitives
} from "./Definition.ts"
import * as PromiseHost from "./PromiseHost.ts"

/** Comes last with every call. The signal aborts when nobody waits for the answer any more. */
export interface Call {
  readonly signal: AbortSignal
}

/** A command's answer. The longer form says that the same idempotency key had it before. */
export type Answer<A> = Promise<A | Replayable<A>>

/**
 * The operations of a runtime as async functions. What is thrown may be a `problem(…)`; anything else becomes
 * `plugin_failed`, and nothing of it is shown. What is left out answers `operation_unsupported`.
 */
export interface PromisePrimitives {
  readonly describe: (call: Call) => Promise<SourceDescription>
  readonly list: (query: ListQuery, call: Call) => Promise<WorkerPage>
  readonly get: (worker_id: WorkerId, call: Call) => Promise<Worker>
  readonly create?: (request: CreateWorker, options: CommandOptions, call: Call) => Answer<Worker>
  readonly input?: (worker_id: WorkerId, input: InputRequest, options: CommandOptions, call: Call) => Answer<InputAck>
  readonly stop?: (worker_id: WorkerId, reason: string | undefined, options: CommandOptions, call: Call) => Answer<Ack>
  readonly cancel?: (
    worker_id: WorkerId,
    reason: string | undefined,
    options: CommandOptions,
    call: Call
  ) => Answer<Ack>
  readonly interrupt?: (
    worker_id: WorkerId,
    reason: string | undefined,
    options: CommandOptions,
    call: Call
  ) => Answer<Ack>
  readonly permit?: (
    worker_id: WorkerId,
    permission_id: string,
    option_id: string,
    options: CommandOptions,
    call: Call
  ) => Answer<Ack>
  readonly unqueue?: (worker_id: WorkerId, input_id: string, options: CommandOptions, call: Call) => Answer<Ack>
  readonly transcript?: (worker_id: WorkerId, query: TranscriptQuery, call: Call) => Promise<TranscriptPage>
  /** As `events` of `RuntimeSource`: a snapshot first, then events. The signal aborts when the reader goes. */
  readonly events?: (worker_id: WorkerId, cursor: string | undefined, call: Call) => AsyncIterable<SourceFrame>
  readonly bundles?: (call: Call) => Promise<ReadonlyArray<ConfigBundleSummary>>
  readonly putBundle?: (bundle: ConfigBundle, call: Call) => Promise<BundleAvailability>
  readonly bundleAvailability?: (id: string, digest: string | undefined, call: Call) => Promise<BundleAvailability>
  /** Called once when the connection is taken down; waited for, for at most a second. */
  readonly close?: () => Promise<void> | void
}

/** A connection of the kind as somebody configured it, checked. See `Connecting`. */
export interface PromiseConnecting<Options, Settings = undefined> {
  readonly id: RuntimeId
  readonly display_name: string
  readonly endpoint: string | undefined
  /** Resolves the connection's `token_ref` anew; undefined without one. */
  readonly token: (() => Promise<Redacted.Redacted>) | undefined
  readonly options: Options
  readonly settings: Settings
}

/** A JSON Schema (draft 2020-12) of an object, in the place of a `Schema`. Options are then `unknown`-valued records. */
export type JsonObjectSchema = { readonly type: "object"; readonly [keyword: string]: unknown }

export type Shape<A> = Schema.Codec<A, unknown> | JsonObjectSchema

export interface PromiseSourceDefinition<Options, Settings> extends Omit<
  RuntimeSourceFacts<Options, Settings>,
  "options" | "settings"
> {
  readonly options: Shape<Options>
  readonly settings?: Shape<Settings>
  /** Opens the connection. Must not call the runtime yet: a dead one is still connected. */
  readonly connect: (
    connecting: PromiseConnecting<Options, Settings>,
    host: PromiseHost.PromiseHost
  ) => Promise<PromisePrimitives> | PromisePrimitives
}

/** How long `close` and the end of an abandoned iterable are waited for, in milliseconds. */
export const closeMs = 1_000

/** Either form of a shape as a schema. Throws for a JSON Schema that cannot be checked. */
const schemaOf = <A>(shape: Shape<A>): Schema.Codec<A, unknown> => {
  if (Schema.isSchema(shape)) return shape as Schema.Codec<A, unknown>
  const { $defs = {}, ...schema } = shape as JsonObjectSchema & { readonly $defs?: object }
  return SchemaRepresentation.fromJsonSchemaDocument(
    { dialect: "draft-2020-12", schema, definitions: { ...$defs } },
    { patterns: "apply" }
  ) as unknown as Schema.Codec<A, unknown>
}

/** The failure is the author's, whatever it is: the guard around every kind makes a problem of it. */
const call = <A>(run: (call: Call) => PromiseLike<A>): Effect.Effect<A, Problem.Problem> =>
  Effect.tryPromise({ try: async (signal) => run({ signal }), catch: (thrown) => thrown as Problem.Problem })

const isReplayable = <A>(answer: A | Replayable<A>): answer is Replayable<A> =>
  typeof answer === "object" && answer !== null && "answer" in answer && "replayed" in answer

const command = <A>(run: (call: Call) => Answer<A>): Effect.Effect<Replayable<A>, Problem.Problem> =>
  Effect.map(call(run), (answer) => (isReplayable(answer) ? answer : { answer, replayed: false }))

/** Ends what it can in time; what does not end is left alone. */
const farewell = (end: () => PromiseLike<unknown> | unknown) =>
  Effect.tryPromise(async () => end()).pipe(Effect.timeoutOption(closeMs), Effect.ignoreCause)

const streamed = (open: (call: Call) => AsyncIterable<SourceFrame>): Stream.Stream<SourceFrame, Problem.Problem> =>
  Stream.unwrap(
    Effect.gen(function* () {
      // Aborted before the iterable is ended: one that waits for something would otherwise not hear of it.
      // @effect-diagnostics-next-line abortControllerInEffect:off
      const controller = new AbortController()
      const frames = open({ signal: controller.signal })[Symbol.asyncIterator]()
      yield* Effect.addFinalizer(() => {
        controller.abort()
        return frames.return === undefined ? Effect.void : farewell(() => frames.return?.())
      })
      // Without `return`, which the finalizer calls: an iterable that ignores it would hold the reader back.
      const unending = { [Symbol.asyncIterator]: () => ({ next: () => frames.next() }) }
      return Stream.fromAsyncIterable(unending as AsyncIterable<SourceFrame>, (thrown) => thrown as Problem.Problem)
    })
  )

const adapt = (it: PromisePrimitives): SourcePrimitives => {
  const { bundleAvailability, bundles, cancel, create, events, input, interrupt, permit, putBundle } = it
  const { stop, transcript, unqueue } = it
  return {
    describe: call((c) => it.describe(c)),
    list: (query) => call((c) => it.list(query, c)),
    get: (id) => call((c) => it.get(id, c)),
    ...(create && { create: (request, options) => command((c) => create.call(it, request, options, c)) }),
    ...(input && { input: (id, said, options) => command((c) => input.call(it, id, said, options, c)) }),
    ...(stop && { stop: (id, reason, options) => command((c) => stop.call(it, id, reason, options, c)) }),
    ...(cancel && { cancel: (id, reason, options) => command((c) => cancel.call(it, id, reason, options, c)) }),
    ...(interrupt && {
      interrupt: (id, reason, options) => command((c) => interrupt.call(it, id, reason, options, c))
    }),
    ...(permit && {
      permit: (id, permission_id, option_id, options) =>
        command((c) => permit.call(it, id, permission_id, option_id, options, c))
    }),
    ...(unqueue && { unqueue: (id, input_id, options) => command((c) => unqueue.call(it, id, input_id, options, c)) }),
    ...(transcript && { transcript: (id, query) => call((c) => transcript.call(it, id, query, c)) }),
    ...(events && { events: (id, cursor) => streamed((c) => events.call(it, id, cursor, c)) }),
    ...(bundles && { bundles: call((c) => bundles.call(it, c)) }),
    ...(putBundle && { putBundle: (bundle) => call((c) => putBundle.call(it, bundle, c)) }),
    ...(bundleAvailability && {
      bundleAvailability: (id, digest) => call((c) => bundleAvailability.call(it, id, digest, c))
    })
  }
}

/**
 * Defines a kind of runtime with async functions. Throws when `options` is a JSON Schema with keywords that cannot be
 * checked.
 */
export const definePromiseSource = <Options = Readonly<Record<string, unknown>>, Settings = undefined>(
  definition: PromiseSourceDefinition<Options, Settings>
): RuntimeSourceDefinition<Options, Settings> => {
  const { connect, options, settings, ...facts } = definition
  return defineRuntimeSource<Options, Settings>({
    ...facts,
    options: schemaOf(options),
    ...(settings === undefined ? undefined : { settings: schemaOf(settings) }),
    connect: Effect.fnUntraced(function* ({ token, ...connecting }, host) {
      const scope = yield* Scope.Scope
      const services = yield* Effect.context<never>()
      const promises = PromiseHost.make(host, scope, services)
      const run = Effect.runPromiseWith(services)
      const given = yield* call(async () =>
        connect({ ...connecting, token: token === undefined ? undefined : () => run(token) }, promises)
      )
      const { close } = given
      if (close !== undefined)
        yield* Scope.addFinalizer(
          scope,
          farewell(() => close.call(given))
        )
      return adapt(given)
    })
  })
}
