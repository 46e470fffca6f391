/** Text frames that have arrived and wait to be taken: bounded, and at the bound the socket is no longer read. */
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"

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

type Frames = Arr.NonEmptyArray<string>

export class SocketInbox<E> {
  private readonly source: Source
  private held: Array<string> = []
  private bytes = 0
  private reason: { readonly value: E } | undefined
  /** Of the consumer that waits. */
  private resume: ((taken: Effect.Effect<Frames, E>) => void) | undefined
  private waking = false
  /** Reading is stopped, so silence says nothing about the peer. */
  paused = false

  constructor(source: Source) {
    this.source = source
  }

  /** False when the peer floods; the frame is then not kept. `size` is the frame's length in bytes. */
  offer(frame: string, size: number): boolean {
    if (this.held.length >= FLOOD_FRAMES) return false
    this.held.push(frame)
    this.bytes += size
    if (!this.paused && (this.held.length >= PAUSE_AT_FRAMES || this.bytes >= PAUSE_AT_BYTES)) {
      this.paused = true
      this.source.pause()
    }
    this.wake()
    return true
  }

  /** What has arrived can still be taken; then `take` fails with the reason. Only the first reason counts. */
  end(reason: E): void {
    this.reason ??= { value: reason }
    this.wake()
  }

  /** Everything that waits, in order and never empty; suspends until there is something. For one consumer. */
  readonly take: Effect.Effect<Frames, E> = Effect.suspend(
    () =>
      this.taken() ??
      Effect.callback<Frames, E>((resume) => {
        this.resume = resume
        return Effect.sync(() => (this.resume = undefined))
      })
  )

  /**
   * The consumer goes on as soon as the read that is under way is parsed, and so has all that it brought. A queue would
   * wake it a turn of the event loop later, by way of the scheduler: twice as dear for a stream of single events.
   */
  private wake(): void {
    if (this.resume === undefined || this.waking) return
    this.waking = true
    process.nextTick(() => {
      this.waking = false
      const { resume } = this
      // The consumer may have gone meanwhile; what waits is then for the next one.
      if (resume === undefined) return
      const taken = this.taken()
      if (taken === undefined) return
      this.resume = undefined
      resume(taken)
    })
  }

  private taken(): Effect.Effect<Frames, E> | undefined {
    const frames = this.held
    if (!Arr.isArrayNonEmpty(frames)) return this.reason === undefined ? undefined : Effect.fail(this.reason.value)
    this.held = []
    this.bytes = 0
    if (this.paused) {
      this.paused = false
      this.source.resume()
    }
    return Effect.succeed(frames)
  }
}
