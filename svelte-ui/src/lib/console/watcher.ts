/**
 * Keeps one event stream open for as long as somebody looks: opens, resumes from the last cursor, waits with full jitter,
 * never gives up by itself. Knows sockets and time only through what it is given.
 */
import type { EventHandlers, EventSocket } from "#lib/api/events.ts"
import type { Frame } from "#lib/api/wire.ts"
import { isFinal, pauseBefore } from "./backoff.ts"
import { initial, recalled, reduce, type StreamState } from "./stream.ts"

export type Link =
  | { readonly kind: "connecting" }
  | { readonly kind: "live" }
  /** Between attempts; `until` in milliseconds of the clock. */
  | { readonly kind: "waiting"; readonly until: number; readonly attempt: number }
  /** The server will not talk about this; only a person can decide to try again. */
  | { readonly kind: "refused"; readonly code: number }
  | { readonly kind: "gone" }
  | { readonly kind: "ended" }

export interface Surroundings {
  readonly open: (cursor: string | undefined, handlers: EventHandlers) => EventSocket
  /**
   * Why an upgrade may have failed, which a browser does not tell: asks the API about the worker.
   * `login` also when the answer has already led to the login page.
   */
  readonly inquire: () => Promise<"exists" | "gone" | "login" | "unknown">
  readonly now: () => number
  readonly random: () => number
  readonly after: (ms: number, run: () => void) => () => void
}

export class EventWatcher {
  #state: StreamState
  #link: Link = { kind: "connecting" }
  #attempt = 0
  #socket: EventSocket | undefined
  #cancelPause: (() => void) | undefined
  #closed = false
  readonly #around: Surroundings
  readonly #changed: (state: StreamState, link: Link) => void

  /** @param cursor remembered by an earlier page, to have again what followed it */
  constructor(around: Surroundings, changed: (state: StreamState, link: Link) => void, cursor?: string) {
    this.#state = recalled(cursor)
    this.#around = around
    this.#changed = changed
  }

  get state(): StreamState {
    return this.#state
  }

  /** Puts entries read page by page into the state. */
  change(change: (state: StreamState) => StreamState): void {
    const next = change(this.#state)
    if (next === this.#state) return
    this.#state = next
    this.#changed(this.#state, this.#link)
  }

  start(): void {
    this.#connect()
  }

  /** Skips the pause, for instance because the network is back. */
  reconnectNow(): void {
    if (this.#link.kind !== "waiting") return
    this.#cancelPause?.()
    this.#connect()
  }

  /** Forgets the cursor and everything shown. */
  startAfresh(): void {
    this.#cancelPause?.()
    this.#socket?.close()
    this.#state = initial
    this.#attempt = 0
    this.#connect()
  }

  close(): void {
    this.#closed = true
    this.#cancelPause?.()
    this.#socket?.close()
  }

  #connect(): void {
    if (this.#closed) return
    let opened = false
    this.#set({ kind: "connecting" })
    this.#socket = this.#around.open(this.#state.cursor, {
      onopen: () => {
        opened = true
      },
      onframe: (frame) => this.#frame(frame),
      onclose: (code) => void this.#lost(code, opened)
    })
  }

  #frame(frame: Frame): void {
    this.#state = reduce(this.#state, frame)
    // Only data proves that the connection is of use: a server that accepts and drops must still be waited for.
    if (frame.kind === "event") this.#attempt = 0
    if (frame.kind === "event" && this.#link.kind === "connecting") this.#link = { kind: "live" }
    this.#changed(this.#state, this.#link)
  }

  async #lost(code: number, opened: boolean): Promise<void> {
    if (this.#closed) return
    if (this.#state.ended !== undefined) return this.#set({ kind: "ended" })
    if (code === 4404) return this.#set({ kind: "gone" })
    if (isFinal(code)) return this.#set({ kind: "refused", code })
    const socket = this.#socket
    this.#wait()
    if (opened) return
    const answer = await this.#around.inquire()
    if (this.#closed || socket !== this.#socket || this.#link.kind !== "waiting") return
    if (answer !== "gone" && answer !== "login") return
    this.#cancelPause?.()
    this.#set(answer === "gone" ? { kind: "gone" } : { kind: "refused", code: 4401 })
  }

  #wait(): void {
    const pause = pauseBefore(this.#attempt, this.#around.random())
    this.#attempt += 1
    this.#set({ kind: "waiting", until: this.#around.now() + pause, attempt: this.#attempt })
    this.#cancelPause = this.#around.after(pause, () => this.#connect())
  }

  #set(link: Link): void {
    this.#link = link
    this.#changed(this.#state, link)
  }
}
