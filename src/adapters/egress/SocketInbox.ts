/** Text frames that have arrived and wait to be taken: bounded, and at the bound the socket is no longer read. */
import type * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"

/** Frames and bytes at which reading stops until the consumer takes them. */
export const PAUSE_AT_FRAMES = 256
export const PAUSE_AT_BYTES = 1024 * 1024

/**
 * Frames at which the peer is flooding. What one read brought is parsed to its end even after reading stopped: 64 KiB
 * of the shortest frame the protocol knows (22 bytes) are 2 979, of empty frames 32 768.
 */
export const FLOOD_FRAMES = 4_096

export interface Source {
  readonly pause: () => void
  readonly resume: () => void
}

export class SocketInbox<E> {
  private readonly queue: Queue.Queue<string, E>
  private readonly source: Source
  private frames = 0
  private bytes = 0
  /** Reading is stopped, so silence says nothing about the peer. */
  paused = false

  constructor(queue: Queue.Queue<string, E>, source: Source) {
    this.queue = queue
    this.source = source
  }

  /** False when the peer floods; the frame is then not kept. `size` is the frame's length in bytes. */
  offer(frame: string, size: number): boolean {
    if (this.frames >= FLOOD_FRAMES) return false
    this.frames++
    this.bytes += size
    Queue.offerUnsafe(this.queue, frame)
    if (!this.paused && (this.frames >= PAUSE_AT_FRAMES || this.bytes >= PAUSE_AT_BYTES)) {
      this.paused = true
      this.source.pause()
    }
    return true
  }

  /** What has arrived can still be taken; then `take` fails with the reason. Only the first reason counts. */
  end(reason: E): void {
    Queue.failCauseUnsafe(this.queue, Cause.fail(reason))
  }

  /** Everything that waits, in order and never empty; suspends until there is something. For one consumer. */
  get take(): Effect.Effect<Arr.NonEmptyArray<string>, E> {
    return Effect.map(Queue.takeAll(this.queue), (frames) => {
      this.frames = 0
      this.bytes = 0
      if (this.paused) {
        this.paused = false
        this.source.resume()
      }
      return frames
    })
  }
}
