/** What a path or method gets that the API does not know: 404, or 405 with the methods that it does. */
import type { Cause } from "effect"
import { HttpServerError } from "effect/http/HttpServerError"
import { HttpApi, type HttpApiGroup } from "effect/http-api"
import * as Problem from "../../domain/Problem.ts"

interface Known {
  readonly segments: ReadonlyArray<string>
  readonly methods: Set<string>
}

/** Whether the router knew no route for a request. */
export const isRouteNotFound = (cause: Cause.Cause<unknown>): boolean =>
  cause.reasons.some(
    (reason) =>
      reason._tag === "Fail" && reason.error instanceof HttpServerError && reason.error.reason._tag === "RouteNotFound"
  )

/** Reads the paths off an API and, for a path and method that nothing was found for, tells what is wrong. */
export const make = <Id extends string, Groups extends HttpApiGroup.Constraint>(
  api: HttpApi.HttpApi<Id, Groups>,
  further: ReadonlyArray<readonly [method: string, path: string]> = []
) => {
  const known = new Map<string, Known>()
  const add = (method: string, path: string) => {
    const entry = known.get(path) ?? { segments: path.split("/"), methods: new Set() }
    entry.methods.add(method)
    known.set(path, entry)
  }
  HttpApi.reflect(api, {
    onGroup: () => {},
    onEndpoint: ({ endpoint }) => add(endpoint.method, endpoint.path)
  })
  for (const [method, path] of further) add(method, path)

  return (method: string, path: string): { readonly problem: Problem.Problem; readonly allow?: string } => {
    const segments = path.split("/")
    for (const entry of known.values()) {
      if (entry.segments.length !== segments.length) continue
      if (!entry.segments.every((it, index) => it.startsWith(":") || it === segments[index])) continue
      if (entry.methods.has(method)) continue
      return { problem: Problem.make("method_not_allowed"), allow: [...entry.methods].join(", ") }
    }
    return { problem: Problem.make("not_found") }
  }
}
