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
  /** What the runtime says of itself, asked for whenever it is shown. What is left out is filled in. */
  readonly describe: (call: Call) => Promise<SourceDescription>
  /** One page of the workers, in an order that holds still from page to page. `invalid_cursor` for a cursor that is none. */
  readonly list: (query: ListQuery, call: Call) => Promise<WorkerPage>
  /** `worker_not_found` where there is none. */
  readonly get: (worker_id: WorkerId, call: Call) => Promise<Worker>
  /** Declared as `workers.create`. The worker is there for `get` and `list` when this answers. */
  readonly create?: (request: CreateWorker, options: CommandOptions, call: Call) => Answer<Worker>
  /**
   * Declared as `workers.input`. Answers when the input is taken, not when its turn has ended. `worker_busy` while another
   * turn runs, `worker_not_running` once the worker has ended.
   */
  readonly input?: (worker_id: WorkerId, input: InputRequest, options: CommandOptions, call: Call) => Answer<InputAck>
  /** Declared as `workers.stop`. Ends the worker; one that has ended answers as it is. `reason` has at most 1,000 characters. */
  readonly stop?: (worker_id: WorkerId, reason: string | undefined, options: CommandOptions, call: Call) => Answer<Ack>
  /** Declared as `workers.cancel`. As `stop`, for work that is called off. */
  readonly cancel?: (
    worker_id: WorkerId,
    reason: string | undefined,
    options: CommandOptions,
    call: Call
  ) => Answer<Ack>
  /** Declared as `workers.interrupt`. Ends the turn and not the worker; a worker without a turn answers as it is. */
  readonly interrupt?: (
    worker_id: WorkerId,
    reason: string | undefined,
    options: CommandOptions,
    call: Call
  ) => Answer<Ack>
  /** Declared as `workers.permissions`. `permission_not_found` for a request that is not open any more. */
  readonly permit?: (
    worker_id: WorkerId,
    permission_id: string,
    option_id: string,
    options: CommandOptions,
    call: Call
  ) => Answer<Ack>
  /** Takes back an input that waits. `queued_input_not_found` when none of this id does. */
  readonly unqueue?: (worker_id: WorkerId, input_id: string, options: CommandOptions, call: Call) => Answer<Ack>
  /** Declared as `workers.transcript`. A page of what was said, from `start` on, oldest first. */
  readonly transcript?: (worker_id: WorkerId, query: TranscriptQuery, call: Call) => Promise<TranscriptPage>
  /** As `events` of `RuntimeSource`: a snapshot first, then events. The signal aborts when the reader goes. */
  readonly events?: (worker_id: WorkerId, cursor: string | undefined, call: Call) => AsyncIterable<SourceFrame>
  /** Declared as `config_bundles`, as the two below. */
  readonly bundles?: (call: Call) => Promise<ReadonlyArray<ConfigBundleSummary>>
  /** Keeps a bundle. `config_bundle_digest_mismatch` when its digest is not that of its content. */
  readonly putBundle?: (bundle: ConfigBundle, call: Call) => Promise<BundleAvailability>
  /** `config_bundle_missing` when it is not there, `config_bundle_digest_mismatch` when it is there with another digest. */
  readonly bundleAvailability?: (id: string, digest: string | undefined, call: Call) => Promise<BundleAvailability>
  /** Called once when the connection is taken down; waited for, for at most a second. */
  readonly close?: () => Promise<void> | void
}

/** A connection of the kind as somebody configured it, checked. See `Connecting`. */
export interface PromiseConnecting<Options, Settings = undefined> {
  /** The backend's name of the runtime. */
  readonly id: RuntimeId
  /** For people. */
  readonly display_name: string
  /** Absolute http(s) URL without user name, query or fragment. Present when the kind asks for one. */
  readonly endpoint: string | undefined
  /** Resolves the connection's `token_ref` anew; undefined without one. */
  readonly token: (() => Promise<Redacted.Redacted>) | undefined
  /** The connection's `options`, checked. */
  readonly options: Options
  /** The plugin's own `options` of the config file, checked; undefined where the definition has no `settings`. */
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
