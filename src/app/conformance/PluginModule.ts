/** Loads a source kind from a module of somebody else. */
import { pathToFileURL } from "node:url"
import { resolve } from "node:path"
import { Data, Effect, Schema } from "effect"
import type { SourceKind } from "../../domain/SourceKind.ts"

/** Why there is no kind; the sentence is for a person at a terminal. */
export class NoKind extends Data.TaggedError("NoKind")<{ readonly sentence: string }> {
  override get message(): string {
    return this.sentence
  }
}

/** A module that takes longer to load does something else, in milliseconds. */
const loadMs = 10_000

/** A kind that needs no service of the host, or one that the command provides. */
type Kind<R> = SourceKind<unknown, R>

const isKind = <R>(value: unknown): value is Kind<R> => {
  if (typeof value !== "object" || value === null) return false
  const { connect, endpoint, kind, options, secretFields } = value as Partial<Record<keyof Kind<R>, unknown>>
  return (
    typeof kind === "string" &&
    typeof connect === "function" &&
    (endpoint === "required" || endpoint === "none") &&
    Schema.isSchema(options) &&
    Array.isArray(secretFields)
  )
}

/** The one kind that the module exports. `R` is what the command is ready to provide; a kind that needs more fails. */
export const load = Effect.fnUntraced(function* <R>(path: string) {
  const exported: Readonly<Record<string, unknown>> = yield* Effect.tryPromise({
    try: () => import(pathToFileURL(resolve(path)).href),
    catch: () =>
      new NoKind({
        sentence: "The plugin could not be loaded. Name a JavaScript module that imports without an error."
      })
  }).pipe(
    Effect.timeoutOrElse({
      duration: loadMs,
      orElse: () => Effect.fail(new NoKind({ sentence: `The plugin was not loaded within ${loadMs} ms.` }))
    })
  )
  const kinds = [...new Set(Object.values(exported).filter(isKind<R>))]
  const [kind] = kinds
  if (kind === undefined || kinds.length > 1) {
    return yield* new NoKind({ sentence: `The plugin exports ${kinds.length} kinds of source instead of one.` })
  }
  return kind
})
