/**
 * The built web page: documents that were rendered ahead, a shell for every other place of the page, and the files that
 * they name, each in the smallest encoding that the build left and the client takes.
 */
import { Effect, FileSystem, Layer } from "effect"
import * as HttpRouter from "effect/http/HttpRouter"
import type { HttpServerError } from "effect/http/HttpServerError"
import { HttpServerRequest } from "effect/http/HttpServerRequest"
import * as HttpServerRespondable from "effect/http/HttpServerRespondable"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as HttpStaticServer from "effect/http/HttpStaticServer"
import * as BrowserGate from "../http/BrowserGate.ts"
import * as Encodings from "../http/Encodings.ts"

/** Rendered in the browser alone; a build without one has its only document at the root. */
const shells = ["/shell.html", "/index.html"]

/** What the build compresses. */
const contentTypes: Readonly<Record<string, string>> = {
  css: "text/css; charset=utf-8",
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  json: "application/json; charset=utf-8",
  svg: "image/svg+xml; charset=utf-8"
}

type Served = Effect.Effect<HttpServerResponse.HttpServerResponse, HttpServerError, HttpServerRequest>

const isMissing = (error: HttpServerError): boolean => error.reason._tag === "RouteNotFound"

const at = (served: Served, request: HttpServerRequest, url: string): Served =>
  Effect.provideService(served, HttpServerRequest, request.modify({ url }))

/** A file in the first of its encodings that is there. What is unchanged, or a part, is told of the same encoding. */
const encoded = Effect.fnUntraced(function* (served: Served, request: HttpServerRequest, path: string) {
  const contentType = contentTypes[path.slice(path.lastIndexOf(".") + 1)]
  if (contentType === undefined) return yield* at(served, request, path)
  for (const { ending, name } of Encodings.accepted(request.headers["accept-encoding"])) {
    const response = yield* Effect.catchIf(at(served, request, path + ending), isMissing, () =>
      Effect.succeed(undefined)
    )
    if (response !== undefined)
      return HttpServerResponse.setHeaders(response, {
        "content-type": contentType,
        "content-encoding": name,
        vary: "accept-encoding"
      })
  }
  return HttpServerResponse.setHeader(yield* at(served, request, path), "vary", "accept-encoding")
})

/** Everything of one folder at a path below which nothing is a place of the page. */
const files = (root: string, prefix: `/${string}`, cacheControl: string) =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const router = yield* HttpRouter.HttpRouter
      const served = yield* HttpStaticServer.make({ root, cacheControl })
      yield* router
        .prefixed(prefix)
        .add(
          "GET",
          "/*",
          HttpServerRequest.use((request) => encoded(served, request, pathOf(request))).pipe(
            Effect.catch(HttpServerRespondable.toResponse)
          )
        )
    })
  )

const pathOf = ({ url }: HttpServerRequest): string => url.split(/[?#]/, 1)[0] ?? "/"

const acceptsHtml = ({ headers }: HttpServerRequest): boolean =>
  headers["accept"]?.toLowerCase().includes("text/html") === true

/** Documents by the path where a browser asks for them: `/settings` for `/settings.html`. */
const documentsOf = Effect.fnUntraced(function* (root: string) {
  const fileSystem = yield* FileSystem.FileSystem
  const names = yield* fileSystem.readDirectory(root, { recursive: true })
  const found = names.map((name) => `/${name.replaceAll("\\", "/")}`).filter((path) => path.endsWith(".html"))
  return new Map(found.map((path) => [path === "/index.html" ? "/" : path.slice(0, -".html".length), path]))
})

const documents = (root: string) =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const router = yield* HttpRouter.HttpRouter
      const fileSystem = yield* FileSystem.FileSystem
      const served = yield* HttpStaticServer.make({ root, cacheControl: "no-cache" })
      const known = yield* documentsOf(root)
      /** Read each time: the page may be built anew while it is served, and its policy has to be that of what is sent. */
      const policyOf = (path: string) =>
        Effect.map(
          Effect.orElseSucceed(fileSystem.readFileString(root + path), () => ""),
          BrowserGate.policyOf
        )
      const document = Effect.fnUntraced(function* (request: HttpServerRequest, path: string) {
        const policy = yield* policyOf(path)
        const response = yield* encoded(served, request, path)
        return HttpServerResponse.setHeader(response, "content-security-policy", policy)
      })
      const shell = (request: HttpServerRequest, left: ReadonlyArray<string> = shells): Served => {
        const [first, ...rest] = left
        const found = document(request, first!)
        return rest.length === 0 ? found : Effect.catchIf(found, isMissing, () => shell(request, rest))
      }
      const answer = (request: HttpServerRequest): Served => {
        const path = pathOf(request)
        const own = known.get(path)
        if (own !== undefined) return Effect.catchIf(document(request, own), isMissing, () => shell(request))
        if (/\.[^/]*$/.test(path) || !acceptsHtml(request)) return encoded(served, request, path)
        return shell(request)
      }
      yield* router.add("GET", "/*", HttpServerRequest.use(answer).pipe(Effect.catch(HttpServerRespondable.toResponse)))
    })
  )

/** Files with a hash in their name never change; everything else is asked for again. @param root folder of the build */
export const layer = (root: string) =>
  Layer.mergeAll(
    files(`${root}/_app/immutable`, "/_app/immutable", "public, max-age=31536000, immutable"),
    documents(root)
  )
