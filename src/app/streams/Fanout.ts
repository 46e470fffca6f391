/**
 * One worker's events to any number of sockets: each frame is built once, and each socket gets one write, of the same
 * bytes, for all that one callback of the event loop brought. A socket that does not drain is taken out and starts again
 * from a fresh snapshot.
 */
import type { Socket } from "node:net"
import { Effect, RcMap, type Scope } from "effect"
import type { OnReset, ResyncReason, Watcher } from "../../domain/EventLog.ts"
import { endOf } from "../../domain/WatchStream.ts"
import type { TerminalState } from "../../domain/Worker.ts"
import type { Watching } from "../../domain/WorkerRuntime.ts"
import * as Frames from "./Frames.ts"
import { textFrame } from "./WebSockets.ts"

export interface Member {
  readonly socket: Socket
  /** Called once when the worker has ended and the last frame is written. */
  readonly onEnd: (state: TerminalState) => void
  /**
   * Called when the member has to start again, because more waits in its socket than is allowed or because the log did;
   * `gone` when there is nothing to watch any more. The member is out of the group by then.
   */
  readonly onReset: (reason: ResyncReason | "gone") => void
}

/** Bytes that may wait in one socket. */
export const maxWaitingBytes = 2_097_152

export class Group {
  readonly #speaker: Frames.Speaker
  readonly #members = new Set<Member>()
  #pending: Array<Buffer> = []
  /** Cursor of the last event that went to every member. */
  #cursor = ""
  #scheduled = false
  #ended: TerminalState | undefined

  constructor(speaker: Frames.Speaker) {
    this.#speaker = speaker
  }

  get cursor(): string {
    return this.#cursor
  }

  /** @param head cursor of the log when the group attached to it */
  start(head: string): void {
    if (this.#cursor === "") this.#cursor = head
  }

  readonly watcher: Watcher = (entry) => {
    this.#cursor = entry.cursor
    if (this.#members.size === 0) return
    this.#pending.push(textFrame(Frames.event(this.#speaker, entry)))
    this.#ended = endOf(entry) ?? this.#ended
    if (this.#scheduled) return
    this.#scheduled = true
    process.nextTick(this.#flushSoon)
  }

  readonly #flushSoon = () => this.flush()

  readonly onReset: OnReset = (reason) => {
    this.flush()
    const members = [...this.#members]
    this.#members.clear()
    for (const member of members) member.onReset(reason)
  }

  /** Writes what is pending to every member. */
  flush(): void {
    this.#scheduled = false
    const pending = this.#pending
    if (pending.length > 0) {
      this.#pending = []
      const bytes = pending.length === 1 ? pending[0]! : Buffer.concat(pending)
      for (const member of this.#members) this.#write(member, bytes)
    }
    const ended = this.#ended
    if (ended === undefined) return
    this.#ended = undefined
    for (const member of this.#members) member.onEnd(ended)
  }

  /** From now on the member gets every event that is appended, beginning with the next. */
  join(member: Member): void {
    this.flush()
    this.#members.add(member)
  }

  leave(member: Member): void {
    this.#members.delete(member)
  }

  #write(member: Member, bytes: Buffer): void {
    const { socket } = member
    if (socket.writableLength + bytes.length > maxWaitingBytes) {
      this.#members.delete(member)
      member.onReset("overflow")
    } else socket.write(bytes)
  }
}

/** The groups of a server by worker, alive while they have members. */
export const makeGroups = <K, E>(
  watch: (
    key: K,
    cursor: string | undefined,
    watcher: Watcher,
    onReset: OnReset
  ) => Effect.Effect<Watching, E, Scope.Scope>,
  speaker: (key: K) => Frames.Speaker
) =>
  RcMap.make({
    lookup: Effect.fnUntraced(function* (key: K) {
      const group = new Group(speaker(key))
      const watching = yield* watch(key, undefined, group.watcher, group.onReset)
      group.start(watching.head)
      return group
    })
  })
