/** Lists over all runtimes: asked at once, each under its own deadline, and a runtime that fails costs its own rows only. */
import { Effect, Schema } from "effect"
import { toDetails } from "../../domain/api/ProblemDetails.ts"
import { toWorkerView, type WorkerListView, type WorkerView } from "../../domain/api/BrowserWire.ts"
import { maxPageLimit } from "../../domain/api/BrowserApi.ts"
import { RuntimeId } from "../../domain/Identifiers.ts"
import * as Problem from "../../domain/Problem.ts"
import { RuntimeRegistry } from "../../domain/RuntimeRegistry.ts"
import type { WorkerState } from "../../domain/Worker.ts"
import * as RequestId from "../http/RequestId.ts"

/** Where a list goes on: the runtime, its own cursor, and how many items of that page were shown already. */
const Position = Schema.fromJsonString(
  Schema.Struct({
    runtime: RuntimeId,
    cursor: Schema.optionalKey(Schema.String),
    shown: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: maxPageLimit }))
  })
)
type Position = typeof Position.Type

const encode = (position: Position): string => Buffer.from(Schema.encodeSync(Position)(position)).toString("base64url")

const decode = (text: string) =>
  Schema.decodeUnknownEffect(Position)(Buffer.from(text, "base64url").toString()).pipe(
    Effect.mapError(() => Problem.make("invalid_cursor", "The list cursor does not name a place in this list."))
  )

export interface Query {
  readonly state?: WorkerState
  readonly limit?: number
  readonly cursor?: string
}

/** @param only the runtime to list, or undefined for all */
export const list = Effect.fnUntraced(function* (only: RuntimeId | undefined, query: Query) {
  const registry = yield* RuntimeRegistry
  const limit = query.limit ?? maxPageLimit
  if (limit > maxPageLimit) {
    return yield* Problem.make("limit_too_large", `The limit is above the maximum of ${maxPageLimit}.`, {
      max: maxPageLimit
    })
  }
  const registered = only === undefined ? yield* registry.list : [yield* registry.get(only)]
  const from = query.cursor === undefined ? undefined : yield* decode(query.cursor)
  const first = from === undefined ? 0 : registered.findIndex(({ source }) => source.id === from.runtime)
  if (first < 0) return yield* Problem.make("invalid_cursor", "The list cursor names a runtime that has gone.")

  const asked = registered.slice(first)
  const pages = yield* Effect.forEach(
    asked,
    ({ source }, index) => {
      const cursor = index === 0 ? from?.cursor : undefined
      const page = registry.call(source.id, { operation: "worker.list", repeatable: true }, (it) =>
        it.list({
          limit,
          ...(query.state === undefined ? undefined : { state: query.state }),
          ...(cursor === undefined ? undefined : { cursor })
        })
      )
      return Effect.map(Effect.result(page), (result) => ({ source, cursor, result }))
    },
    { concurrency: "unbounded" }
  )
  const asked_first = pages[0]?.result
  // A runtime that fails costs its own rows; a cursor that it does not know is the caller's mistake.
  if (asked_first?._tag === "Failure" && (only !== undefined || asked_first.failure._tag === "invalid_cursor")) {
    return yield* Effect.fail(asked_first.failure)
  }

  const instance = yield* RequestId.current
  const items: Array<WorkerView> = []
  const sources: Array<WorkerListView["sources"][number]> = []
  let next: Position | undefined
  for (const [index, { cursor, result, source }] of pages.entries()) {
    if (result._tag === "Failure") {
      sources.push({ runtime_id: source.id, state: "failed", problem: toDetails(result.failure, instance) })
      continue
    }
    sources.push({ runtime_id: source.id, state: "ok" })
    if (next !== undefined) continue
    const page = result.success
    const shown = index === 0 ? (from?.shown ?? 0) : 0
    const room = limit - items.length
    for (const worker of page.items.slice(shown, shown + room)) items.push(toWorkerView(worker, source.kind))
    const at = { runtime: source.id, ...(cursor === undefined ? undefined : { cursor }) }
    if (page.items.length - shown > room) next = { ...at, shown: shown + room }
    else if (page.next_cursor !== null) next = { runtime: source.id, cursor: page.next_cursor, shown: 0 }
  }
  return { items, sources, next_cursor: next === undefined ? null : encode(next) } satisfies WorkerListView
})
