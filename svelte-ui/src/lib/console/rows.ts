/**
 * The console's lines in order: transcript entries, holes that are still to be read, asides at their place, the growing end.
 * Open requests come last, so that nothing pushes them out of view; once answered they stand where they were asked.
 */
import type { Aside, Asides } from "./asideList.ts"
import type { Entry } from "./payload.ts"
import { isOpen } from "./permissions.ts"

export type Row =
  | { readonly kind: "entry"; readonly key: string; readonly entry: Entry }
  /** `position` is 0-based in the transcript. */
  | { readonly kind: "hole"; readonly key: string; readonly position: number }
  | { readonly kind: "aside"; readonly key: string; readonly aside: Aside }
  | { readonly kind: "growing"; readonly key: string }

const entryRows = new WeakMap<Entry, Row>()
const asideRows = new WeakMap<Aside, Row>()
const remembered = <A extends object>(known: WeakMap<A, Row>, of: A, make: () => Row): Row => {
  const row = known.get(of) ?? make()
  known.set(of, row)
  return row
}

/** The key is the place, so that growing text turns into its entry, and a hole into what fills it, without a jump. */
const keyOf = (position: number): string => `entry-${position + 1}`

export const rowsOf = (
  entries: ReadonlyArray<Entry | undefined>,
  asides: Asides,
  first: number,
  growing: boolean
): ReadonlyArray<Row> => {
  const rows: Array<Row> = []
  let next = 0
  const rowOf = (aside: Aside) => remembered(asideRows, aside, () => ({ kind: "aside", key: aside.key, aside }))
  const asidesBefore = (eventId: number) => {
    for (; next < asides.length && asides[next]!.at < eventId; next++) {
      const aside = asides[next]!
      if (!isOpen(aside)) rows.push(rowOf(aside))
    }
  }
  entries.forEach((entry, index) => {
    const position = first + index
    if (entry === undefined) {
      rows.push({ kind: "hole", key: keyOf(position), position })
      return
    }
    asidesBefore(entry.eventId)
    rows.push(remembered(entryRows, entry, () => ({ kind: "entry", key: keyOf(entry.sequence - 1), entry })))
  })
  asidesBefore(Number.POSITIVE_INFINITY)
  if (growing) rows.push({ kind: "growing", key: keyOf(first + entries.length) })
  rows.push(...asides.filter(isOpen).map(rowOf))
  return rows
}
