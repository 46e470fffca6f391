/** Handlers for workers: each one call of the engine between two mappings. */
import { Effect } from "effect"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import { HttpApiSchema } from "effect/http-api"
import { RuntimeApi } from "../../domain/api/RuntimeApi.ts"
import * as Mapping from "../../domain/api/RuntimeMapping.ts"
import type { WorkerStatus } from "../../domain/api/RuntimeWire.ts"
import type { IdempotencyKey } from "../../domain/Identifiers.ts"
import { maxListLimit } from "../../domain/engine/Views.ts"
import * as Problem from "../../domain/Problem.ts"
import { ending, type Replayable, type Worker, type WorkerPage } from "../../domain/Worker.ts"
import { WorkerRuntime } from "../../domain/WorkerRuntime.ts"
import * as Endpoints from "../http/Endpoints.ts"
import { Lifecycle } from "./Lifecycle.ts"
import { WorkerTexts } from "./WorkerTexts.ts"

interface Keyed {
  readonly "idempotency-key"?: IdempotencyKey
}

const options = ({ "idempotency-key": idempotency_key }: Keyed) =>
  idempotency_key === undefined ? {} : { idempotency_key }

const answer = <A, B>(replayable: Replayable<A>, body: (answer: A) => B) =>
  HttpApiSchema.withHeaders<B, { readonly "idempotent-replayed"?: "true" }>({
    body: body(replayable.answer),
    headers: replayable.replayed ? { "idempotent-replayed": "true" } : {}
  })

/** `running` on the wire is four states of the engine, so a page of one status is cut here. */
const pageOf = (items: ReadonlyArray<Worker>, status: WorkerStatus, limit: number | undefined): WorkerPage => {
  const matching = items.filter(({ state }) => Mapping.statusOf(state) === status)
  const shown = limit === undefined ? matching : matching.slice(0, limit)
  return { items: shown, next_cursor: shown.length < matching.length ? shown[shown.length - 1]!.worker_id : null }
}

export const WorkerHandlers = Endpoints.group(
  RuntimeApi,
  "workers",
  Effect.fnUntraced(function* (handle) {
    const runtime = yield* WorkerRuntime
    const lifecycle = yield* Lifecycle
    const texts = new WorkerTexts()
    /** The engine's own word for draining is one of field v1 that does not say that it passes. */
    const whileReady = <A, E, R>(effect: Effect.Effect<A, E | Problem.Problem<"runtime_stopped">, R>) =>
      lifecycle.ready.pipe(
        Effect.andThen(effect),
        Effect.catchIf(
          (error): error is Problem.Problem<"runtime_stopped"> =>
            Problem.isProblem(error) && error._tag === "runtime_stopped",
          () => Problem.fail("runtime_unavailable")
        )
      )

    return handle({
      list: Effect.fnUntraced(function* ({ query: { cursor, limit, status } }) {
        if (limit !== undefined && limit > maxListLimit) {
          return yield* Problem.make("limit_too_large", undefined, { max: maxListLimit })
        }
        const from = cursor === undefined ? {} : { cursor }
        const { items, next_cursor } =
          status === undefined
            ? yield* runtime.list(limit === undefined ? from : { ...from, limit })
            : pageOf((yield* runtime.list(from)).items, status, limit)
        return HttpServerResponse.uint8Array(texts.list(items, next_cursor), { contentType: "application/json" })
      }),

      create: Effect.fnUntraced(function* ({ headers, payload }) {
        const created = yield* whileReady(runtime.create(Mapping.fromCreate(payload), options(headers)))
        return answer(created, (worker) => ({ worker: Mapping.worker(worker) }))
      }),

      get: ({ params }) => Effect.map(runtime.get(params.worker_id), (worker) => ({ worker: Mapping.worker(worker) })),

      input: Effect.fnUntraced(function* ({ headers, params, payload }) {
        const taken = yield* whileReady(runtime.input(params.worker_id, Mapping.fromInput(payload), options(headers)))
        return answer(taken, (ack) => ({ ack: Mapping.inputAck(ack) }))
      }),

      stop: Effect.fnUntraced(function* ({ headers, params, payload }) {
        const ended = yield* runtime.stop(params.worker_id, ending(options(headers), payload?.reason ?? undefined))
        return answer(ended, (ack) => ({ ack: Mapping.ack(ack) }))
      }),

      cancel: Effect.fnUntraced(function* ({ headers, params, payload }) {
        const ended = yield* runtime.cancel(params.worker_id, ending(options(headers), payload?.reason ?? undefined))
        return answer(ended, (ack) => ({ ack: Mapping.ack(ack) }))
      }),

      interrupt: Effect.fnUntraced(function* ({ headers, params, payload }) {
        const ended = yield* runtime.interrupt(params.worker_id, ending(options(headers), payload?.reason ?? undefined))
        return answer(ended, (ack) => ({ ack: Mapping.ack(ack) }))
      }),

      permit: Effect.fnUntraced(function* ({ headers, params, payload }) {
        const { permission_id, worker_id } = params
        const taken = yield* runtime.permit(worker_id, permission_id, payload.option_id, options(headers))
        return answer(taken, (ack) => ({ ack: Mapping.ack(ack) }))
      }),

      unqueue: Effect.fnUntraced(function* ({ headers, params }) {
        const taken = yield* runtime.unqueue(params.worker_id, params.input_id, options(headers))
        return answer(taken, (ack) => ({ ack: Mapping.ack(ack) }))
      }),

      transcript: Effect.fnUntraced(function* ({ params, query }) {
        const worker = yield* runtime.get(params.worker_id)
        const items = yield* runtime.transcript(params.worker_id, query)
        return { transcript: Mapping.transcript(worker, items) }
      })
    })
  })
)
