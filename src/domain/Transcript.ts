/** The durable conversation of a worker, read in pages. */
import { Schema } from "effect"

export const TranscriptRole = Schema.Literals(["user", "assistant", "system"])
export type TranscriptRole = typeof TranscriptRole.Type

export const TranscriptItem = Schema.Struct({
  /** 1 for the first item of the worker. */
  sequence: Schema.Int,
  role: TranscriptRole,
  content: Schema.String,
  /** Number of the durable event that carried it. */
  event_id: Schema.Int
})
export type TranscriptItem = typeof TranscriptItem.Type

export const TranscriptPage = Schema.Struct({
  /** 0-based position of the first item of this page. */
  start: Schema.Int,
  limit: Schema.Int,
  total_items: Schema.Int,
  /** Where the next page starts, or null on the last. */
  next_start: Schema.NullOr(Schema.Int),
  items: Schema.Array(TranscriptItem)
})
export type TranscriptPage = typeof TranscriptPage.Type

export interface TranscriptQuery {
  /** 0-based; absent = 0. */
  readonly start?: number
  /** Absent = the runtime's maximum. */
  readonly limit?: number
}

/** A page holds at most this many bytes of content (UTF-8), but at least one item. */
export const maxPageBytes = 2_097_152

/** A runtime's own maximum of items in one page (field v1: `max_transcript_projection_items`). */
export const maxPageItems = 256
