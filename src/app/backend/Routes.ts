/** Everything that the backend answers: the API with its document, liveness, the page, and a problem for the rest. */
import { Effect, Layer, type Types } from "effect"
import * as HttpRouter from "effect/http/HttpRouter"
import { HttpServerRequest } from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import { BrowserApi } from "../../domain/api/BrowserApi.ts"
import * as ApiDocument from "../http/ApiDocument.ts"
import * as BrowserEdgeLayer from "../http/BrowserEdgeLayer.ts"
import * as Fallback from "../http/Fallback.ts"
import * as Problems from "../http/Problems.ts"
import * as Handlers from "./Handlers.ts"
import * as Page from "./Page.ts"
import { Readiness } from "./Readiness.ts"
import * as SettingsHandlers from "./SettingsHandlers.ts"

const Api = Layer.merge(Handlers.layer, SettingsHandlers.layer).pipe(Layer.provide(BrowserEdgeLayer.layer))

const documentPath = "/api/openapi.json"

const Document = ApiDocument.layer(documentPath, BrowserApi)

const noStore = { headers: { "cache-control": "no-store" } }

const Liveness = HttpRouter.add("GET", "/livez", HttpServerResponse.jsonUnsafe({ status: "ok" }, noStore))

/** Ready as long as this process can work; a dead remote runtime never makes it unready. */
const Ready = HttpRouter.add(
  "GET",
  "/readyz",
  Effect.gen(function* () {
    const readiness = yield* Readiness
    return (yield* readiness.ready)
      ? HttpServerResponse.jsonUnsafe({ status: "ready" }, noStore)
      : HttpServerResponse.jsonUnsafe({ status: "draining" }, { status: 503, ...noStore })
  })
)

const explain = Fallback.make(BrowserApi, [
  ["GET", documentPath],
  ["GET", "/livez"],
  ["GET", "/readyz"]
])

const unknown = Effect.gen(function* () {
  const request = yield* HttpServerRequest
  const { allow, problem } = explain(request.method, request.url.split(/[?#]/, 1)[0] ?? "/")
  const response = yield* Problems.respond(problem)
  return allow === undefined ? response : HttpServerResponse.setHeader(response, "allow", allow)
})

const isEmpty404 = ({ body, status }: HttpServerResponse.HttpServerResponse): boolean =>
  status === 404 && body._tag === "Empty"

/**
 * Around every request, so that whatever goes wrong in one becomes a problem. The own answers of the router and of the
 * file server are empty.
 */
const Edge = HttpRouter.middleware(
  (routed) =>
    Effect.matchCauseEffect(routed, {
      onFailure: (cause) => Problems.caught(Fallback.isRouteNotFound(cause) ? unknown : Effect.failCause(cause)),
      onSuccess: (response) => (isEmpty404(response) ? Problems.caught(unknown) : Effect.succeed(response))
    }) as Effect.Effect<HttpServerResponse.HttpServerResponse, Types.unhandled, HttpServerRequest>,
  { global: true }
)

/** Before the page can take it for a place of its own. */
const Unknown = HttpRouter.add("*", "/api/*", unknown)

/** @param pageRoot folder of the built page, or undefined to serve the API alone */
export const layer = (pageRoot: string | undefined) => {
  const api = Layer.mergeAll(Api, Document, Liveness, Ready, Unknown, Edge)
  return pageRoot === undefined ? api : Layer.merge(api, Page.layer(pageRoot))
}
