/** How much of the past a store keeps. Both stores share it, so that a test against memory says what files will do. */
import { defaultMaxBytes, defaultMaxEvents } from "../../domain/EventLog.ts"

export interface Retention {
  /** Durable events kept for each worker. */
  readonly maxEvents: number
  /** Length of those events as JSON, in UTF-16 units: the account that `EventLog` keeps. The newest always stays. */
  readonly maxEventBytes: number
  /** Unexpired receipts kept for the whole store; beyond it the oldest are forgotten and a diagnostic says so. */
  readonly maxReceipts: number
}

export const defaultRetention: Retention = {
  maxEvents: defaultMaxEvents,
  maxEventBytes: defaultMaxBytes,
  maxReceipts: 100_000
}
