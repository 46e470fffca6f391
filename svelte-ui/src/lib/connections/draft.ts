/** A connection as a person edits it: one text per JSON pointer, so that every version of it can be compared member by member. */
import type { Connection, ConnectionDraft, Kind } from "#lib/api/wire.ts"
import { escapePointer, type Field, fieldsOf } from "#lib/forms/schema.ts"
import { leaves, textsOf, type Texts, valueOf } from "#lib/forms/texts.ts"

export const remoteHttp = "remote_http"
/** The one grammar of ids. */
export const idPattern = /^[A-Za-z0-9][A-Za-z0-9_-]{0,95}$/

export const optionFields = (kind: Kind | undefined): ReadonlyArray<Field> =>
  kind === undefined ? [] : fieldsOf(kind.options_schema, "/options", kind.secret_fields)

/** Members that every kind has. */
export const baseMembers = ["/display_name", "/endpoint", "/token_ref"] as const

export const textsOfConnection = (connection: Connection, fields: ReadonlyArray<Field>): Record<string, string> => ({
  "/id": connection.id,
  "/display_name": connection.display_name === connection.id ? "" : connection.display_name,
  "/endpoint": connection.endpoint ?? "",
  "/token_ref": connection.token_ref ?? "",
  ...textsOf(fields, connection.options)
})

const memberOf = (texts: Texts, pointer: string): string | undefined => texts[pointer]?.trim() || undefined

/** The body of a new connection or of a draft test. */
export const draftOf = (kind: string, texts: Texts, fields: ReadonlyArray<Field>): ConnectionDraft => {
  const endpoint = memberOf(texts, "/endpoint")
  const display_name = memberOf(texts, "/display_name")
  const token_ref = memberOf(texts, "/token_ref")
  const options = valueOf(fields, texts)
  return {
    id: memberOf(texts, "/id") ?? "",
    kind,
    ...(display_name === undefined ? {} : { display_name }),
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(token_ref === undefined ? {} : { token_ref }),
    ...(options === undefined ? {} : { options })
  }
}

/** Only what differs from the version that was opened; what was emptied is removed, options without a field are kept. */
export const patchOf = (
  saved: Connection,
  opened: Texts,
  texts: Texts,
  fields: ReadonlyArray<Field>
): Readonly<Record<string, unknown>> => {
  const patch: Record<string, unknown> = {}
  for (const pointer of baseMembers) {
    const now = memberOf(texts, pointer)
    if (now !== memberOf(opened, pointer)) patch[pointer.slice(1)] = now ?? null
  }
  const now = valueOf(fields, texts)
  if (JSON.stringify(now) !== JSON.stringify(valueOf(fields, opened))) {
    const shown = new Set(fields.map(({ pointer }) => pointer))
    const others = Object.entries(saved.options ?? {}).filter(([name]) => !shown.has(`/options/${escapePointer(name)}`))
    patch["options"] = now === undefined && others.length === 0 ? null : { ...Object.fromEntries(others), ...now }
  }
  return patch
}

export interface Difference {
  readonly pointer: string
  readonly mine: string
  readonly theirs: string
}

/** Where two versions differ, in the order of the form. */
export const differences = (mine: Texts, theirs: Texts, fields: ReadonlyArray<Field>): ReadonlyArray<Difference> =>
  [...baseMembers, ...leaves(fields).map(({ pointer }) => pointer)]
    .map((pointer) => ({ pointer, mine: memberOf(mine, pointer) ?? "", theirs: memberOf(theirs, pointer) ?? "" }))
    .filter((one) => one.mine !== one.theirs)

/** An id for a copy that is not taken yet. */
export const copyId = (id: string, taken: ReadonlyArray<string>): string => {
  const base = id.slice(0, 88)
  for (let number = 1; ; number++) {
    const candidate = number === 1 ? `${base}-copy` : `${base}-copy-${number}`
    if (!taken.includes(candidate)) return candidate
  }
}
