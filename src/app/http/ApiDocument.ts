/** Serves the OpenAPI document of an API, made when it is first asked for. */
import { Effect, Function } from "effect"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import { type HttpApi, type HttpApiGroup, OpenApi } from "effect/http-api"

export const layer = <Id extends string, Groups extends HttpApiGroup.Constraint>(
  path: HttpRouter.PathInput,
  api: HttpApi.HttpApi<Id, Groups>
) => {
  const document = Function.memoize((declared: typeof api) => HttpServerResponse.jsonUnsafe(OpenApi.fromApi(declared)))
  return HttpRouter.add(
    "GET",
    path,
    Effect.sync(() => document(api))
  )
}
