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

/**
 * Called synchronously when what a watcher has seen no longer leads up to the log's state. It must attach again, without
 * a cursor; `gone` says that there is nothing to attach to any more.
 */
export type OnReset = (reason: ResyncReason | "gone") => void

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
  readonly maxEvents: number
  readonly maxBytes: number
  #epoch: string
  #restarts = 0
  #head: number
  #headCursor: string
  #transients = 0
  #snapshot: Snapshot.Snapshot
  #retained: Array<LogEntry | undefined> = []
  /** Index of the first live element of `#retained`; the empty places before it are dropped in bulk. */
  #from = 0
  #bytes = 0
  readonly #watchers = new Map<Watcher, OnReset | undefined>()

  constructor(options: Options) {
    this.#epoch = options.epoch
    this.maxEvents = options.maxEvents ?? defaultMaxEvents
    this.maxBytes = options.maxBytes ?? defaultMaxBytes
    this.#head = options.head ?? 0
    this.#headCursor = EventCursor.format(this.#epoch, this.#head)
    this.#snapshot = options.snapshot ?? Snapshot.empty
  }

  get epoch(): string {
    return this.#epoch
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
      this.#headCursor = EventCursor.format(this.#epoch, this.#head)
      entry = { seq: this.#head, durable, event_id: String(this.#head), cursor: this.#headCursor, event, json }
      this.#retain(entry)
    } else {
      this.#transients += 1
      const event_id = `${this.#head}.${this.#transients}`
      entry = { seq: this.#head, durable, event_id, cursor: this.#headCursor, event, json }
    }
    this.#snapshot = Snapshot.apply(this.#snapshot, event, durable ? entry.event_id : undefined)
    for (const watcher of this.#watchers.keys()) watcher(entry)
    return entry
  }

  /** Puts another snapshot under the same events, for instance once the stored transcript has been read. */
  reset(snapshot: Snapshot.Snapshot): void {
    this.#snapshot = { ...snapshot, as_of: String(this.#head) }
  }

  /**
   * Goes on from another state, in a new epoch, because events were lost: no earlier cursor can be resumed from, and
   * every watcher is told to start again.
   *
   * @param head number to go on from
   */
  restart(reason: ResyncReason, snapshot: Snapshot.Snapshot, head: number): void {
    const base = this.#restarts === 0 ? this.#epoch : this.#epoch.slice(0, this.#epoch.lastIndexOf("-"))
    this.#restarts += 1
    this.#epoch = `${base}-${this.#restarts}`
    this.#head = head
    this.#headCursor = EventCursor.format(this.#epoch, head)
    this.#transients = 0
    this.#retained = []
    this.#from = 0
    this.#bytes = 0
    this.#snapshot = { ...snapshot, as_of: String(this.#head) }
    this.#tell(reason)
  }

  /** Tells every watcher that the log has no future. */
  close(): void {
    this.#tell("gone")
  }

  /** Registers, takes the cutoff and collects the replay in one step. */
  attach(cursor: EventCursor.EventCursor | undefined, watcher: Watcher, onReset?: OnReset): Attached {
    this.#watchers.set(watcher, onReset)
    const detach = () => {
      this.#watchers.delete(watcher)
    }
    const fresh = { snapshot: this.#snapshot, cursor: this.#headCursor, replay: [], detach }
    if (cursor === undefined) return { ...fresh, resync: undefined }
    if (cursor.epoch !== this.#epoch) return { ...fresh, resync: "epoch_changed" }
    if (cursor.seq > this.#head) return { ...fresh, resync: "invalid" }
    if (cursor.seq < this.floor) return { ...fresh, resync: "expired" }
    const replay = this.#retained.slice(this.#from + cursor.seq - this.floor) as Array<LogEntry>
    return { ...fresh, cursor: EventCursor.format(cursor.epoch, cursor.seq), replay, resync: undefined }
  }

  /** The cursor as given by a caller: none = fresh; a malformed one is the caller's mistake and `None`. */
  static parseCursor(text: string | undefined): Option.Option<EventCursor.EventCursor | undefined> {
    return text === undefined || text === "" ? Option.some(undefined) : EventCursor.parse(text)
  }

  #tell(reason: ResyncReason | "gone"): void {
    // Over a copy: a watcher may attach again from within.
    for (const onReset of Array.from(this.#watchers.values())) onReset?.(reason)
  }

  #retain(entry: LogEntry): void {
    this.#retained.push(entry)
    this.#bytes += entry.json.length
    while (this.#retained.length - this.#from > this.maxEvents || this.#bytes > this.maxBytes) {
      const oldest = this.#retained[this.#from]
      if (oldest === undefined) break
      this.#bytes -= oldest.json.length
      // Emptied at once: a thousand dropped events of a megabyte each must not wait for the bulk.
      this.#retained[this.#from] = undefined
      this.#from += 1
    }
    // Dropping in bulk keeps the cost of one append flat however long the log is.
    if (this.#from > 1024 && this.#from * 2 > this.#retained.length) {
      this.#retained = this.#retained.slice(this.#from)
      this.#from = 0
    }
  }
}
