/** Asks as a pact does, with the names, the key and the token of this provider, and compares the answer. */
import { Effect, Redacted } from "effect"
import * as SecureRandom from "effect/crypto/SecureRandom"
import type { EgressFailure } from "../../../adapters/egress/EgressFailure.ts"
import * as Match from "./Match.ts"
import { failed, isRecord, verdict } from "./Outcome.ts"
import type { Generator, Http } from "./PactFile.ts"
import type { Answer, Asked, Provider } from "./Provider.ts"
import { curlOf } from "./Reproduce.ts"
import type { Reached } from "./StateCalls.ts"

const named = (expression: string, values: Reached, as: (value: string) => string = (value) => value): string =>
  expression.replaceAll(/\$\{(\w+)\}/g, (_, name: string) => as(values[name] ?? ""))

const queryOf = (query: Readonly<Record<string, ReadonlyArray<string>>> = {}): string => {
  const pairs = Object.entries(query).flatMap(([name, values]) =>
    values.map((value) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`)
  )
  return pairs.length === 0 ? "" : `?${pairs.join("&")}`
}

/** Members of a body that only the state knows; generators deeper than a member are not part of our pacts. */
const generated = (content: unknown, generators: Readonly<Record<string, Generator>> = {}, values: Reached) => {
  if (!isRecord(content)) return content
  const made = Object.entries(generators).flatMap(([path, { expression }]) =>
    expression === undefined ? [] : [[path.replace(/^\$\./, ""), named(expression, values)] as const]
  )
  return { ...content, ...Object.fromEntries(made) }
}

/** The request as this provider has to get it: with its own names, a key of its own and its own token. */
const requestOf = Effect.fnUntraced(function* ({ request }: Http, values: Reached) {
  const random = yield* SecureRandom.SecureRandom
  const { body, generators, matchingRules } = request
  const headers: Record<string, string> = {}
  let bearer: Redacted.Redacted | undefined
  for (const [given, sent] of Object.entries(request.headers ?? {})) {
    const name = given.toLowerCase()
    const value = sent.join(", ")
    if (name !== "authorization") {
      const generator = generators?.header?.[given]
      if (generator?.type === "Uuid") headers[name] = yield* random.uuidV7()
      else headers[name] = generator?.expression === undefined ? value : named(generator.expression, values)
    } else if (matchingRules?.header?.[given] === undefined) bearer = Redacted.make(value.replace(/^Bearer /, ""))
  }
  const path =
    generators?.path?.expression === undefined
      ? request.path
      : named(generators.path.expression, values, encodeURIComponent)
  return {
    method: request.method,
    path: path + queryOf(request.query),
    headers,
    ...(bearer === undefined ? undefined : { bearer }),
    ...(body === undefined ? undefined : { body: JSON.stringify(generated(body.content, generators?.body, values)) })
  } satisfies Asked
})

/** A command line is shown in full; a body that is large on purpose is not. */
const maxShownBody = 2_000

export const checkHttp = Effect.fnUntraced(function* (provider: Provider, it: Http, values: Reached) {
  const asked = yield* requestOf(it, values)
  const isUpgrade = asked.headers["upgrade"] === "websocket"
  const curl = (asked.body ?? "").length > maxShownBody ? undefined : curlOf(provider, asked)
  const answered = yield* Effect.result<Partial<Answer>, EgressFailure, never>(
    isUpgrade ? provider.upgrade(asked) : provider.send(asked)
  )
  if (answered._tag === "Failure") return failed([`${answered.failure.message}.`], curl)
  const { headers, json, status } = answered.success
  const { response } = it
  const differences: Array<string> = []
  if (status !== response.status) differences.push(`the status is ${status} and has to be ${response.status}`)
  if (headers !== undefined) {
    differences.push(...Match.headers(response.headers ?? {}, headers, response.matchingRules?.header))
  }
  if (response.body !== undefined) {
    if (json === undefined) differences.push("the body is not JSON")
    else differences.push(...Match.body(response.body.content, json, response.matchingRules?.body))
  }
  return verdict(differences, curl)
})
