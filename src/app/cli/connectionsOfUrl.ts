/** The `connections` commands on a backend that runs, through its API: what is live, and changes that go live at once. */
import { Effect, Redacted, Schema, Stream } from "effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import type { HttpClientResponse } from "effect/http/HttpClientResponse"
import type { HttpMethod } from "effect/http/HttpMethod"
import { ProblemDetails } from "../../domain/api/ProblemDetails.ts"
import * as Wire from "../../domain/api/SettingsWire.ts"
import { Step, TestReport } from "../../domain/ConnectionTest.ts"
import { Refused, type Target, type WriteOptions } from "./ConnectionsTarget.ts"
import { fail } from "./Failure.ts"

/** A connection test has 15 s of its own; everything else is quicker. */
const timeout = "30 seconds"

const root = "/api/settings/runtime-connections"

const unreachable = fail("The backend cannot be reached. Check --url, and that it runs.")
const foreign = fail("What answered is not a workspace backend of this version. Check --url.")

const decodeProblem = Schema.decodeEffect(Schema.fromJsonString(ProblemDetails))

const Line = Schema.fromJsonString(
  Schema.Union([
    Schema.Struct({ kind: Schema.Literal("step"), step: Step }),
    Schema.Struct({ kind: Schema.Literal("report"), report: TestReport })
  ])
)

const failed = Effect.fnUntraced(function* (response: HttpClientResponse) {
  const text = yield* Effect.orElseSucceed(response.text, () => "")
  const details = yield* Effect.mapError(decodeProblem(text), () => foreign)
  return yield* new Refused({ details })
})

const query = ({ apply, force }: WriteOptions) => ({
  ...(apply ? { apply: "true" } : undefined),
  ...(force ? { force: "true" } : undefined)
})

const make = Effect.fnUntraced(function* (url: string, token: Redacted.Redacted | undefined) {
  const client = yield* HttpClient.HttpClient

  const send = Effect.fnUntraced(function* (
    method: HttpMethod,
    path: string,
    options: { readonly body?: object; readonly query?: Readonly<Record<string, string>> } = {}
  ) {
    const request = HttpClientRequest.make(method)(`${url}${root}${path}`, { urlParams: options.query ?? {} }).pipe(
      token === undefined ? (it) => it : HttpClientRequest.bearerToken(Redacted.value(token)),
      options.body === undefined ? (it) => it : HttpClientRequest.bodyJsonUnsafe(options.body)
    )
    const response = yield* Effect.mapError(client.execute(request), () => unreachable)
    return response.status < 300 ? response : yield* failed(response)
  })

  const answer = <A>(schema: Schema.Codec<A, unknown>, ...request: Parameters<typeof send>) =>
    send(...request).pipe(
      Effect.flatMap((response) => Effect.mapError(response.text, () => unreachable)),
      Effect.flatMap((text) =>
        Effect.mapError(Schema.decodeEffect(Schema.fromJsonString(schema))(text), () => foreign)
      ),
      Effect.timeoutOrElse({ duration: timeout, orElse: () => unreachable })
    )

  const tested = (path: string, body: object | undefined, onStep: (step: Step) => Effect.Effect<void>) =>
    Effect.gen(function* () {
      const response = yield* send("POST", path, {
        query: { stream: "true" },
        ...(body === undefined ? undefined : { body })
      })
      let report: TestReport | undefined
      yield* response.stream.pipe(
        Stream.mapError(() => unreachable),
        Stream.decodeText,
        Stream.splitLines,
        Stream.filter((line) => line !== ""),
        Stream.mapEffect((line) => Effect.mapError(Schema.decodeEffect(Line)(line), () => foreign)),
        Stream.runForEach((line) => {
          if (line.kind === "step") return onStep(line.step)
          report = line.report
          return Effect.void
        })
      )
      return report ?? (yield* unreachable)
    }).pipe(Effect.timeoutOrElse({ duration: timeout, orElse: () => unreachable }))

  const at = (id: string) => `/${encodeURIComponent(id)}`

  return {
    list: answer(Wire.ConnectionList, "GET", ""),
    add: (body, options) => answer(Wire.Written, "POST", "", { body, query: query(options) }),
    edit: (id, body, options) => answer(Wire.Written, "PATCH", at(id), { body, query: query(options) }),
    remove: (id, options) => answer(Wire.Deleted, "DELETE", at(id), { query: query(options) }),
    test: (id, onStep) => tested(`${at(id)}/test`, undefined, onStep),
    testDraft: (draft, onStep) => tested("/test", draft, onStep),
    apply: (force) => answer(Wire.Applied, "POST", "/apply", { query: query({ apply: false, force }) }),
    export: Effect.flatMap(send("GET", "/export"), (response) => Effect.mapError(response.text, () => unreachable))
  } satisfies Target
})

/** Runs a command against the backend at `url`, which is in the normal form of an endpoint. */
export const use = <A, E>(
  url: string,
  token: Redacted.Redacted | undefined,
  command: (target: Target) => Effect.Effect<A, E>
) =>
  Effect.flatMap(make(url, token), command).pipe(
    Effect.provide(FetchHttpClient.layer),
    // The token is for this address and no other.
    Effect.provideService(FetchHttpClient.RequestInit, { redirect: "error" })
  )
