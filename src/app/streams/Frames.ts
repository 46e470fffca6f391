/** The text of event stream frames. What all watchers share is encoded once; only the snapshot is a watcher's own. */
import type { LogEntry, ResyncReason } from "../../domain/EventLog.ts"
import type { Snapshot } from "../../domain/Snapshot.ts"
import type { TerminalState } from "../../domain/Worker.ts"

/** What a client understands: every frame, or only the two of field v1. */
export type Dialect = "v1" | "field"

/** Who speaks: the prefix of diagnostic codes, and what an envelope names besides the worker. */
export interface Speaker {
  readonly prefix: "runtime" | "backend"
  /** Named in every envelope by the backend; a runtime does not name itself. */
  readonly runtime_id?: string
  readonly worker_id: string
}

/** Seconds are for people; on the wire it is milliseconds. */
export const heartbeatMs = 15_000

const owner = (speaker: Speaker): string =>
  (speaker.runtime_id === undefined ? "" : `"runtime_id":${JSON.stringify(speaker.runtime_id)},`) +
  `"worker_id":${JSON.stringify(speaker.worker_id)}`

/** Cursors and event ids of ours need no escaping. */
export const event = (speaker: Speaker, entry: LogEntry): string =>
  `{"kind":"event","envelope":{"cursor":"${entry.cursor}","event_id":"${entry.event_id}",${owner(speaker)},"payload":${entry.json}}}`

export const snapshot = (speaker: Speaker, cursor: string, data: Snapshot): string =>
  `{"kind":"event","envelope":{"cursor":${JSON.stringify(cursor)},"event_id":"${data.as_of}",${owner(speaker)},"payload":{"event":"snapshot","data":${JSON.stringify(data)}}}}`

export const hello = (epoch: string, retained_events: number, head: string): string =>
  JSON.stringify({ kind: "hello", epoch, heartbeat_ms: heartbeatMs, retained_events, head })

export const bookmark = (cursor: string): string => JSON.stringify({ kind: "bookmark", cursor })

export const end = (status: TerminalState): string => JSON.stringify({ kind: "end", status })

export const diagnostic = (code: string, message: string): string =>
  JSON.stringify({ kind: "diagnostic", diagnostic: { code, message } })

/** What a client of field v1 gets instead of a resync. */
export const resync = (speaker: Speaker, dialect: Dialect, reason: ResyncReason, cursor: string): string =>
  dialect === "v1"
    ? JSON.stringify({ kind: "resync", reason, cursor })
    : diagnostic(
        reason === "overflow" ? `${speaker.prefix}.overflow` : `${speaker.prefix}.cursor_unknown_or_expired`,
        "Some events may be missing; a fresh snapshot follows."
      )
