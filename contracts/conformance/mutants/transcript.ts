/** Bugs in transcript pages. */
import { Effect } from "effect"
import type { TranscriptPage } from "../../../src/domain/Transcript.ts"
import { type Mutant, onSource } from "./Mutant.ts"

const onPage = (change: (page: TranscriptPage) => TranscriptPage) =>
  onSource((source) => ({ transcript: (...asked) => Effect.map(source.transcript(...asked), change) }))

export const mutants: ReadonlyArray<Mutant> = [
  {
    bug: "items are numbered from 0",
    caughtBy: "transcript.order",
    mutate: onPage((page) => ({ ...page, items: page.items.map((it) => ({ ...it, sequence: it.sequence - 1 })) }))
  },
  {
    bug: "the newest item comes first",
    caughtBy: "transcript.order",
    mutate: onPage((page) => ({ ...page, items: page.items.toReversed() }))
  },
  {
    bug: "every item has the number of the same event",
    caughtBy: "transcript.order",
    mutate: onPage((page) => ({ ...page, items: page.items.map((it) => ({ ...it, event_id: 1 })) }))
  },
  {
    bug: "a page over the limit",
    caughtBy: "transcript.pages",
    mutate: onSource((source) => ({
      transcript: (id, { limit, ...query }) =>
        Effect.map(source.transcript(id, query), (page) => (limit === undefined ? page : { ...page, limit }))
    }))
  },
  {
    bug: "the next page starts one too late",
    caughtBy: "transcript.pages",
    mutate: onPage((page) => (page.next_start === null ? page : { ...page, next_start: page.next_start + 1 }))
  },
  {
    bug: "the next page starts where this one ends, also on the last",
    caughtBy: "transcript.pages",
    mutate: onPage((page) => ({ ...page, next_start: page.start + page.items.length }))
  },
  {
    bug: "the page past the end leads to itself",
    caughtBy: "transcript.past-the-end",
    mutate: onPage((page) => (page.items.length === 0 ? { ...page, next_start: page.start } : page))
  },
  {
    bug: "a start past the end is the beginning",
    caughtBy: "transcript.past-the-end",
    mutate: onSource((source) => ({
      transcript: (id, query) =>
        Effect.flatMap(source.transcript(id, query), (page) =>
          page.items.length === 0 ? source.transcript(id, {}) : Effect.succeed(page)
        )
    }))
  },
  {
    bug: "a limit of 0 loops",
    caughtBy: "transcript.limit-too-small",
    mutate: onSource((source) => ({
      transcript: (id, query) =>
        query.limit === 0
          ? Effect.map(source.transcript(id, { limit: 1 }), (page) => ({ ...page, limit: 0, next_start: 0, items: [] }))
          : source.transcript(id, query)
    }))
  },
  {
    bug: "a limit above the maximum is granted",
    caughtBy: "transcript.limit-too-large",
    mutate: onSource((source) => ({
      transcript: (id, { limit, ...query }) =>
        Effect.map(source.transcript(id, query), (page) => ({ ...page, limit: limit ?? page.limit }))
    }))
  },
  {
    bug: "the default limit is above the maximum",
    caughtBy: "transcript.limit-too-large",
    mutate: onSource((source) => ({
      transcript: (id, query) =>
        Effect.map(source.transcript(id, query), (page) =>
          query.limit === undefined ? { ...page, limit: 1_000 } : page
        )
    }))
  },
  {
    bug: "a page without a bound in bytes",
    caughtBy: "transcript.bytes",
    mutate: onSource((source) => {
      const whole = (
        id: Parameters<typeof source.transcript>[0],
        start: number
      ): ReturnType<typeof source.transcript> =>
        Effect.flatMap(source.transcript(id, { start }), (page) =>
          page.next_start === null
            ? Effect.succeed(page)
            : Effect.map(whole(id, page.next_start), (rest) => ({
                ...page,
                next_start: rest.next_start,
                items: [...page.items, ...rest.items]
              }))
        )
      return { transcript: (id, { start }) => whole(id, start ?? 0) }
    })
  }
]
