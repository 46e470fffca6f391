/** The request that a call belongs to travels with it, so that it can be found in the host's log as well. */
import { Effect, Stream } from "effect"
import { RequestId } from "../../domain/RequestId.ts"

const name = "request-id"

/** Options of a call; empty outside of a request. */
export const asked: Effect.Effect<{ readonly headers?: Readonly<Record<string, string>> }> = Effect.map(
  RequestId,
  (id) => (id === undefined ? {} : { headers: { [name]: id } })
)

type Headers = Readonly<Record<string, string | undefined>>

/** Runs a call as part of the request that its headers name. */
export const within = <A, E, R>(call: Effect.Effect<A, E, R>, { [name]: id }: Headers): Effect.Effect<A, E, R> =>
  id === undefined ? call : Effect.provideService(Effect.annotateLogs(call, { request_id: id }), RequestId, id)

/** As `within`, for a stream. */
export const streamWithin = <A, E, R>(stream: Stream.Stream<A, E, R>, { [name]: id }: Headers) =>
  id === undefined ? stream : Stream.provideService(stream, RequestId, id)
