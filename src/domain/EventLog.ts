/**
 * The bounded, numbered log of one worker's events. Numbering, retention, the snapshot and the set of watchers change
 * together in one synchronous step, so a watcher that attaches sees every event exactly once: what it replays ends
 * where its live events start.
 */
import { Option } from "effect"
import * as EventCursor from "./EventCursor.ts"
import * as Snapshot from "./Snapshot.ts"
import { isDurable, type WorkerEvent } from "./WorkerEvent.ts"

export interface LogEntry {
  /** Number of this durable event, or of the last durable one before this transient one. */
  readonly seq: number
  readonly durable: boolean
  /** `12` for a durable event, `12.3` for the third transient one after it. */
  readonly event_id: string
  readonly cursor: string
  readonly event: WorkerEvent
  /** The event as JSON, encoded once for the store's size account and for every wire. */
  readonly json: string
}

/** Called synchronously, in order, from within `append`; must not block, throw or append. */
export type Watcher = (entry: LogEntry) => void

export type ResyncReason = "expired" | "epoch_changed" | "overflow" | "invalid"

export interface Attached {
  /** The snapshot as of now. */
  readonly snapshot: Snapshot.Snapshot
  /** Cursor to show with the snapshot: the caller's own while it resumes, so that a cut during the replay loses nothing. */
  readonly cursor: string
  /** Set when the caller's cursor could not be resumed from. */
  readonly resync: ResyncReason | undefined
  /** Durable events after the caller's cursor, up to now. */
  readonly replay: ReadonlyArray<LogEntry>
  readonly detach: () => void
}

export interface Options {
  /** Names this numbering; a new one whenever numbers start again. */
  readonly epoch: string
  /** Retained durable events. */
  readonly maxEvents?: number
  /** Retained length of the encoded events, in UTF-16 units. */
  readonly maxBytes?: number
  /** State to go on from. */
  readonly snapshot?: Snapshot.Snapshot
  /** Number of the last durable event so far. */
  readonly head?: number
}

export const defaultMaxEvents = 10_000
export const defaultMaxBytes = 8_388_608

export class EventLog {
  readonly epoch: string
  readonly maxEvents: number
  readonly maxBytes: number
  #head: number
  #headCursor: string
  #transients = 0
  #snapshot: Snapshot.Snapshot
  #retained: Array<LogEntry> = []
  /** Index of the first live element of `#retained`; the dead ones before it are dropped in bulk. */
  #from = 0
  #bytes = 0
  readonly #watchers = new Set<Watcher>()

  constructor(options: Options) {
    this.epoch = options.epoch
    this.maxEvents = options.maxEvents ?? defaultMaxEvents
    this.maxBytes = options.maxBytes ?? defaultMaxBytes
    this.#head = options.head ?? 0
    this.#headCursor = EventCursor.format(this.epoch, this.#head)
    this.#snapshot = options.snapshot ?? Snapshot.empty
  }

  /** Number of the last durable event; 0 before the first. */
  get head(): number {
    return this.#head
  }
  get headCursor(): string {
    return this.#headCursor
  }
  get snapshot(): Snapshot.Snapshot {
    return this.#snapshot
  }
  get watcherCount(): number {
    return this.#watchers.size
  }
  /** Number before the oldest event that can still be replayed. */
  get floor(): number {
    return this.#head - (this.#retained.length - this.#from)
  }

  /**
   * Numbers the event, folds it into the snapshot, retains it when durable and hands it to every watcher.
   *
   * @param durable false for an event that could not be stored but must be shown all the same
   * @param json the event as JSON where it is at hand
   */
  append(event: WorkerEvent, durable: boolean = isDurable(event), json: string = JSON.stringify(event)): LogEntry {
    let entry: LogEntry
    if (durable) {
      this.#head += 1
      this.#transients = 0
      this.#headCursor = EventCursor.format(this.epoch, this.#head)
      entry = { seq: this.#head, durable, event_id: String(this.#head), cursor: this.#headCursor, event, json }
      this.#retain(entry)
    } else {
      this.#transients += 1
      const event_id = `${this.#head}.${this.#transients}`
      entry = { seq: this.#head, durable, event_id, cursor: this.#headCursor, event, json }
    }
    this.#snapshot = Snapshot.apply(this.#snapshot, event, durable ? entry.event_id : undefined)
    for (const watcher of this.#watchers) watcher(entry)
    return entry
  }

  /** Replaces the snapshot without an event, for instance after the source itself was resynchronised. */
  reset(snapshot: Snapshot.Snapshot): void {
    this.#snapshot = { ...snapshot, as_of: String(this.#head) }
  }

  /** Registers, takes the cutoff and collects the replay in one step. */
  attach(cursor: EventCursor.EventCursor | undefined, watcher: Watcher): Attached {
    this.#watchers.add(watcher)
    const detach = () => {
      this.#watchers.delete(watcher)
    }
    const fresh = { snapshot: this.#snapshot, cursor: this.#headCursor, replay: [], detach }
    if (cursor === undefined) return { ...fresh, resync: undefined }
    if (cursor.epoch !== this.epoch) return { ...fresh, resync: "epoch_changed" }
    if (cursor.seq > this.#head) return { ...fresh, resync: "invalid" }
    if (cursor.seq < this.floor) return { ...fresh, resync: "expired" }
    const replay = this.#retained.slice(this.#from + cursor.seq - this.floor)
    return { ...fresh, cursor: EventCursor.format(cursor.epoch, cursor.seq), replay, resync: undefined }
  }

  /** The cursor as given by a caller: none = fresh; a malformed one is the caller's mistake and `None`. */
  static parseCursor(text: string | undefined): Option.Option<EventCursor.EventCursor | undefined> {
    return text === undefined || text === "" ? Option.some(undefined) : EventCursor.parse(text)
  }

  #retain(entry: LogEntry): void {
    this.#retained.push(entry)
    this.#bytes += entry.json.length
    while (this.#retained.length - this.#from > this.maxEvents || this.#bytes > this.maxBytes) {
      const oldest = this.#retained[this.#from]
      if (oldest === undefined) break
      this.#bytes -= oldest.json.length
      this.#from += 1
    }
    // Dropping in bulk keeps the cost of one append flat however long the log is.
    if (this.#from > 1024 && this.#from * 2 > this.#retained.length) {
      this.#retained = this.#retained.slice(this.#from)
      this.#from = 0
    }
  }
}
