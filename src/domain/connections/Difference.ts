/** What stands between the connections that are persisted and those that are active. */
import type { ConnectionEntry } from "../Connection.ts"

export interface Difference {
  readonly added: ReadonlyArray<string>
  readonly removed: ReadonlyArray<string>
  readonly changed: ReadonlyArray<string>
}

/** Keys in any order mean the same. */
const canonical = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(canonical)
  if (typeof value !== "object" || value === null) return value
  const entries = Object.entries(value).filter(([, member]) => member !== undefined)
  return Object.fromEntries(
    entries.toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([key, member]) => [key, canonical(member)])
  )
}

/** Whether both say the same, whatever the order of their keys. */
export const same = (a: ConnectionEntry, b: ConnectionEntry): boolean =>
  JSON.stringify(canonical(a)) === JSON.stringify(canonical(b))

export const between = (
  persisted: ReadonlyArray<ConnectionEntry>,
  active: ReadonlyMap<string, ConnectionEntry>
): Difference => {
  const wanted = new Map(persisted.map((entry) => [entry.id as string, entry]))
  return {
    added: persisted.filter(({ id }) => !active.has(id)).map(({ id }) => id),
    removed: [...active.keys()].filter((id) => !wanted.has(id)),
    changed: persisted
      .filter((entry) => {
        const live = active.get(entry.id)
        return live !== undefined && !same(live, entry)
      })
      .map(({ id }) => id)
  }
}

export const isNone = ({ added, changed, removed }: Difference): boolean =>
  added.length + changed.length + removed.length === 0
