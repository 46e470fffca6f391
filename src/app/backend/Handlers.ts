/** The browser API on top of the registry and the event hub. */
import * as NodeHttpServerRequest from "@effect/platform-node/NodeHttpServerRequest"
import { Clock, Effect, Layer, Option, Redacted } from "effect"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import { type HttpServerRequest } from "effect/http/HttpServerRequest"
import { BrowserApi, maxPageLimit } from "../../domain/api/BrowserApi.ts"
import { toAckView, toInputAckView, toWorkerView } from "../../domain/api/BrowserWire.ts"
import { EventHub, WorkerRef } from "../../domain/EventHub.ts"
import type { IdempotencyKey, RuntimeId, WorkerId } from "../../domain/Identifiers.ts"
import * as Problem from "../../domain/Problem.ts"
import * as Profile from "../../domain/Profile.ts"
import { RuntimeRegistry } from "../../domain/RuntimeRegistry.ts"
import type { RuntimeSource } from "../../domain/RuntimeSource.ts"
import type { Ack, CommandOptions, Replayable } from "../../domain/Worker.ts"
import * as Endpoints from "../http/Endpoints.ts"
import * as Problems from "../http/Problems.ts"
import { cookieName, cookieOf, type Sessions, sessionTtlMs } from "../http/Sessions.ts"
import * as EventSocket from "../streams/EventSocket.ts"
import * as EventSse from "../streams/EventSse.ts"
import { BrowserStreams } from "./BrowserStreams.ts"
import { Login } from "./Login.ts"
import * as RuntimeViews from "./RuntimeViews.ts"
import * as WorkerLists from "./WorkerLists.ts"

interface WorkerParams {
  readonly runtime_id: RuntimeId
  readonly worker_id: WorkerId
}

interface KeyedHeaders {
  readonly "idempotency-key"?: IdempotencyKey
}

const optionsOf = (headers: KeyedHeaders): CommandOptions => {
  const key = headers["idempotency-key"]
  return key === undefined ? {} : { idempotency_key: key }
}

/** The answer as JSON, marked when the same key was given it before. */
const replayable = <A>(it: Replayable<A>, body: (answer: A) => object, status = 200) =>
  HttpServerResponse.jsonUnsafe(body(it.answer), {
    status,
    ...(it.replayed ? { headers: { "idempotent-replayed": "true" } } : undefined)
  })

const RuntimeHandlers = Endpoints.group(BrowserApi, "runtimes", (handle) =>
  Effect.succeed(
    handle({
      list: () => Problems.answer(Effect.map(RuntimeViews.all, (seen) => ({ items: seen.map(({ view }) => view) }))),
      get: ({ params }) => Problems.answer(Effect.map(RuntimeViews.one(params.runtime_id), (runtime) => ({ runtime }))),
      launchOptions: () => Problems.answer(RuntimeViews.launchOptions)
    })
  )
)

const WorkerHandlers = Endpoints.group(
  BrowserApi,
  "workers",
  Effect.fnUntraced(function* (handle) {
    const registry = yield* RuntimeRegistry
    const hub = yield* EventHub
    const streams = yield* BrowserStreams

    const read = <A>(
      params: WorkerParams,
      operation: string,
      use: (source: RuntimeSource["Service"]) => Effect.Effect<A, Problem.Problem>
    ) => registry.call(params.runtime_id, { operation, worker_id: params.worker_id, repeatable: true }, use)

    /** A command is repeated only where its key makes that safe. */
    const command = <A>(
      params: WorkerParams,
      headers: KeyedHeaders,
      operation: string,
      use: (source: RuntimeSource["Service"], options: CommandOptions) => Effect.Effect<A, Problem.Problem>
    ) => {
      const options = optionsOf(headers)
      const repeatable = options.idempotency_key !== undefined
      return registry.call(params.runtime_id, { operation, worker_id: params.worker_id, repeatable }, (source) =>
        use(source, options)
      )
    }

    const acked = <R>(commanded: Effect.Effect<Replayable<Ack>, Problem.Problem, R>) =>
      commanded.pipe(
        Effect.map((it) => replayable(it, (ack) => ({ ack: toAckView(ack) }))),
        Problems.answer
      )

    const stream = (params: WorkerParams, cursor: string | undefined): EventSocket.Options<Problem.Problem> => {
      const worker = new WorkerRef(params)
      return {
        speaker: { prefix: "backend", ...params },
        cursor,
        watch: (from, watcher, onReset) => hub.watch(worker, from, watcher, onReset),
        group: streams.group(worker)
      }
    }

    return handle({
      listAll: ({ query: { runtime_id, ...query } }) => Problems.answer(WorkerLists.list(runtime_id, query)),
      list: ({ params, query }) => Problems.answer(WorkerLists.list(params.runtime_id, query)),
      create: ({ headers, params, payload }) => {
        const options = optionsOf(headers)
        const { profile: text, ...rest } = payload
        const profile = text === undefined ? undefined : Option.getOrUndefined(Profile.parse(text))
        const request = profile === undefined ? rest : { ...rest, profile }
        const call = { operation: "worker.create", repeatable: options.idempotency_key !== undefined }
        return registry
          .call(params.runtime_id, call, (source) =>
            Effect.map(source.create(request, options), (it) =>
              replayable(it, (worker) => ({ worker: toWorkerView(worker, source.kind) }), 201)
            )
          )
          .pipe(Problems.answer)
      },
      get: ({ params }) =>
        read(params, "worker.get", (source) =>
          Effect.map(source.get(params.worker_id), (worker) => ({ worker: toWorkerView(worker, source.kind) }))
        ).pipe(Problems.answer),
      input: ({ headers, params, payload }) =>
        command(params, headers, "worker.input", (source, options) =>
          source.input(params.worker_id, { ...payload, kind: "user" }, options)
        ).pipe(
          Effect.map((it) => replayable(it, (ack) => ({ ack: toInputAckView(ack) }))),
          Problems.answer
        ),
      stop: ({ headers, params, payload }) =>
        acked(
          command(params, headers, "worker.stop", (source, options) =>
            source.stop(params.worker_id, payload?.reason, options)
          )
        ),
      cancel: ({ headers, params, payload }) =>
        acked(
          command(params, headers, "worker.cancel", (source, options) =>
            source.cancel(params.worker_id, payload?.reason, options)
          )
        ),
      interrupt: ({ headers, params, payload }) =>
        acked(
          command(params, headers, "worker.interrupt", (source, options) =>
            source.interrupt(params.worker_id, payload?.reason, options)
          )
        ),
      permit: ({ headers, params, payload }) =>
        acked(
          command(params, headers, "worker.permit", (source, options) =>
            source.permit(params.worker_id, params.permission_id, payload.option_id, options)
          )
        ),
      unqueue: ({ headers, params }) =>
        acked(
          command(params, headers, "worker.unqueue", (source, options) =>
            source.unqueue(params.worker_id, params.input_id, options)
          )
        ),
      transcript: ({ params, query }) =>
        Effect.gen(function* () {
          const limit = query.limit ?? maxPageLimit
          if (limit > maxPageLimit) {
            return yield* Problem.make("limit_too_large", `The limit is above the maximum of ${maxPageLimit}.`, {
              max: maxPageLimit
            })
          }
          const page = yield* read(params, "worker.transcript", (source) =>
            source.transcript(params.worker_id, { start: query.start ?? 0, limit })
          )
          return { transcript: { ...params, ...page } }
        }).pipe(Problems.answer),
      eventsSocket: ({ params, query }) => EventSocket.respond(stream(params, query.cursor)).pipe(Problems.answer),
      eventsStream: ({ params, query }) => EventSse.respond(stream(params, query.cursor)).pipe(Problems.answer)
    })
  })
)

const cookieAttributes = "; HttpOnly; SameSite=Strict; Path=/"

const SessionHandlers = Endpoints.group(
  BrowserApi,
  "session",
  Effect.fnUntraced(function* (handle) {
    const sessions: Sessions = yield* Login
    const addressOf = (request: HttpServerRequest) =>
      NodeHttpServerRequest.toIncomingMessage(request).socket.remoteAddress ?? ""
    const credentials = ({ headers }: HttpServerRequest) => ({
      authorization: headers.authorization,
      cookie: headers.cookie
    })
    return handle({
      get: ({ request }) =>
        Effect.map(Clock.currentTimeMillis, (now) => ({
          required: sessions.required,
          active: sessions.admits(credentials(request), addressOf(request), now)
        })),
      login: ({ payload, request }) =>
        Effect.gen(function* () {
          const now = yield* Clock.currentTimeMillis
          const address = addressOf(request)
          const wait = sessions.waitOf(address, now)
          if (wait > 0) return yield* Problem.make("too_many_requests", undefined, { retry_after_ms: wait })
          if (!sessions.accepts(Redacted.value(payload.token), address, now)) {
            return yield* Problem.make("session_required", "The access token is wrong.")
          }
          const cookie = `${cookieName}=${sessions.open(now)}; Max-Age=${sessionTtlMs / 1_000}${cookieAttributes}`
          return HttpServerResponse.empty({ status: 204, headers: { "set-cookie": cookie } })
        }).pipe(Problems.answer),
      logout: ({ request }) =>
        Effect.sync(() => {
          const id = cookieOf(request.headers.cookie)
          if (id !== undefined) sessions.close(id)
          return HttpServerResponse.empty({
            status: 204,
            headers: { "set-cookie": `${cookieName}=; Max-Age=0${cookieAttributes}` }
          })
        })
    })
  })
)

export const layer = Layer.mergeAll(RuntimeHandlers, WorkerHandlers, SessionHandlers)
