/**
 * What `yoi-workspace/plugin-testing` exports: a plugin's kind as a backend would run it, for the tests of its author. It
 * is guarded, may reach what a new workspace may reach, and resolves the secrets of its stage.
 */
import { Context, Effect, Exit, Scope, Stream } from "effect"
import type { Subject } from "../../domain/conformance/Conformance.ts"
import type { WorkerId } from "../../domain/Identifiers.ts"
import type { RuntimeSourceDefinition } from "../../domain/plugin/Definition.ts"
import type { RuntimeDescription } from "../../domain/Runtime.ts"
import type { RuntimeSource, SourceFrame } from "../../domain/RuntimeSource.ts"
import type { TranscriptPage, TranscriptQuery } from "../../domain/Transcript.ts"
import type { Ack, CreateWorker, InputAck, InputRequest, ListQuery, Worker, WorkerPage } from "../../domain/Worker.ts"
import * as PluginSettings from "../plugins/PluginSettings.ts"
import * as Stage_ from "./Stage.ts"

export type { Stage } from "./Stage.ts"

type Kind<Options, Settings> = RuntimeSourceDefinition<Options, Settings>

const readyOf = <Options, Settings>(kind: Kind<Options, Settings>, { settings = {} }: Stage_.Stage) =>
  PluginSettings.decode([kind as unknown as RuntimeSourceDefinition<unknown, unknown>], settings)

/**
 * What the conformance kit runs on, for `suite` of `yoi-workspace/conformance`.
 *
 * @param stage starts the runtime; it is closed with the subject
 */
export const subject = <Options, Settings>(
  kind: Kind<Options, Settings>,
  stage: () => Promise<Stage_.Stage> | Stage_.Stage
): Effect.Effect<Subject, unknown, Scope.Scope> =>
  Effect.gen(function* () {
    const started = yield* Stage_.started(stage)
    const ready = yield* readyOf(kind, started)
    return yield* Stage_.subjectOf(ready, kind as unknown as RuntimeSourceDefinition<unknown, unknown>, started)
  })

/** A connection of the kind. What fails is thrown as a problem, whose `_tag` is its code. */
export interface OpenedSource {
  readonly describe: () => Promise<RuntimeDescription>
  readonly list: (query?: ListQuery) => Promise<WorkerPage>
  readonly get: (worker_id: WorkerId) => Promise<Worker>
  readonly create: (request?: CreateWorker) => Promise<Worker>
  /** A text is an input of the user. */
  readonly input: (worker_id: WorkerId, input: string | InputRequest) => Promise<InputAck>
  readonly stop: (worker_id: WorkerId, reason?: string) => Promise<Ack>
  readonly cancel: (worker_id: WorkerId, reason?: string) => Promise<Ack>
  readonly interrupt: (worker_id: WorkerId, reason?: string) => Promise<Ack>
  readonly transcript: (worker_id: WorkerId, query?: TranscriptQuery) => Promise<TranscriptPage>
  /** Ends when the worker has ended; leaving the loop closes the stream. */
  readonly events: (worker_id: WorkerId, cursor?: string) => AsyncIterable<SourceFrame>
  /** The port itself, for what is not here. */
  readonly source: RuntimeSource["Service"]
  /** Takes the connection down. The stage goes on. */
  readonly close: () => Promise<void>
}

/** Opens a connection of the kind to a stage that was started. Throws when the options do not fit the kind. */
export const open = async <Options, Settings>(
  kind: Kind<Options, Settings>,
  stage: Stage_.Stage
): Promise<OpenedSource> => {
  const scope = Scope.makeUnsafe()
  const close = () => Effect.runPromise(Scope.close(scope, Exit.void))
  const opening = Effect.gen(function* () {
    const { entry, kinds } = yield* Stage_.install(yield* readyOf(kind, stage), stage)
    return yield* kinds.connect(entry(kind as unknown as RuntimeSourceDefinition<unknown, unknown>))
  })
  const source = await Effect.runPromise(
    Effect.onError(Scope.provide(opening, scope), () => Scope.close(scope, Exit.void))
  )
  const answer = <A>(effect: Effect.Effect<{ readonly answer: A }, unknown>) =>
    Effect.runPromise(Effect.map(effect, (it) => it.answer))
  return {
    source,
    close,
    describe: () => Effect.runPromise(source.describe),
    list: (query = {}) => Effect.runPromise(source.list(query)),
    get: (id) => Effect.runPromise(source.get(id)),
    create: (request = {}) => answer(source.create(request, {})),
    input: (id, input) =>
      answer(source.input(id, typeof input === "string" ? { kind: "user", content: input } : input, {})),
    stop: (id, reason) => answer(source.stop(id, reason, {})),
    cancel: (id, reason) => answer(source.cancel(id, reason, {})),
    interrupt: (id, reason) => answer(source.interrupt(id, reason, {})),
    transcript: (id, query = {}) => Effect.runPromise(source.transcript(id, query)),
    events: (id, cursor) => Stream.toAsyncIterableWith(source.events(id, cursor), Context.empty())
  }
}
