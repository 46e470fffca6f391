/**
 * What one event stream says, from its hello to its end: snapshot, replay, live, and again from a snapshot when it fell
 * behind. Ten thousand of these wait for something at a time, so each is one fiber, and one that is live keeps nothing of
 * what it said before.
 */
import { Effect, Metric } from "effect"
import type { LogEntry, ResyncReason } from "../../domain/EventLog.ts"
import { endOf, type Watch } from "../../domain/WatchStream.ts"
import type { TerminalState } from "../../domain/Worker.ts"
import type { Watching } from "../../domain/WorkerRuntime.ts"
import { CloseCode } from "./CloseCode.ts"
import { type Group, type Member, maxWaitingBytes } from "./Fanout.ts"
import * as Frames from "./Frames.ts"
import { overflows } from "./StreamMetrics.ts"
import { subprotocol, textFrame, type Upgraded } from "./WebSockets.ts"

/**
 * A socket that does not drain within this time, in milliseconds, is cut. Its client resumes when it comes back. With
 * the second or two in which the buffers of both systems and ours fill, a reader that stops in the middle of a busy
 * worker is gone after ten seconds.
 */
export const drainDeadlineMs = 7_500

/** Bytes of replay that are written before the socket has to drain. */
const replayChunkBytes = 524_288

/** The end that comes from outside, whatever the stream is waiting for at that moment. */
export class Ending {
  over = false
  #listener: (() => void) | undefined

  end(): void {
    if (this.over) return
    this.over = true
    this.#listener?.()
  }

  /** For the one place where the stream waits. */
  listen(listener: (() => void) | undefined): void {
    this.#listener = listener
    if (this.over) listener?.()
  }

  readonly awaited: Effect.Effect<void> = Effect.callback((resume) => {
    this.listen(() => resume(Effect.void))
    return Effect.sync(() => this.listen(undefined))
  })
}

type Signal =
  | { readonly kind: "reset"; readonly reason: ResyncReason | "gone" }
  | { readonly kind: "end"; readonly state: TerminalState }
  | { readonly kind: "over" }
  /** The socket has to drain before what follows this cursor is written. */
  | { readonly kind: "behind"; readonly cursor: string }

/** An attachment whose live events are kept until the socket has caught up. */
export interface Early {
  readonly watching: Watching
  readonly entries: Array<LogEntry>
  /** Set when the log started again meanwhile. */
  readonly reset: ResyncReason | "gone" | undefined
}

export const attach = Effect.fnUntraced(function* <E>(watch: Watch<E>, cursor: string | undefined) {
  const entries: Array<LogEntry> = []
  let reset: Early["reset"]
  const watching = yield* watch(
    cursor,
    (entry) => entries.push(entry),
    (reason) => {
      reset ??= reason
    }
  )
  return {
    watching,
    entries,
    get reset() {
      return reset
    }
  } satisfies Early
})

export interface Session<E> {
  readonly speaker: Frames.Speaker
  readonly watch: Watch<E>
  /** The fan-out group of this worker. */
  readonly group: Group
  readonly upgraded: Upgraded
  readonly ending: Ending
  /** Where the stream stands before it is live; undefined from then on. */
  attached: Early | undefined
  /** Whether the group writes to the socket. */
  joined: boolean
}

/** Waits until the socket has written out what it holds; cuts it when it does not. */
const drained = <E>({ ending, upgraded: { socket, webSocket } }: Session<E>) =>
  Effect.callback<void>((resume) => {
    // Node only tells when a buffer that was over its mark has emptied.
    if (!socket.writableNeedDrain) return resume(Effect.void)
    const onDrain = () => resume(Effect.void)
    socket.once("drain", onDrain)
    ending.listen(onDrain)
    return Effect.sync(() => {
      ending.listen(undefined)
      socket.off("drain", onDrain)
    })
  }).pipe(
    Effect.timeoutOrElse({
      duration: drainDeadlineMs,
      orElse: () =>
        Effect.sync(() => {
          webSocket.terminate()
          ending.end()
        })
    })
  )

const introduce = <E>({ speaker, upgraded }: Session<E>, { watching }: Early, reason: ResyncReason | undefined) => {
  const { socket, webSocket } = upgraded
  const dialect: Frames.Dialect = webSocket.protocol === subprotocol ? "v1" : "field"
  if (reason !== undefined) socket.write(textFrame(Frames.resync(speaker, dialect, reason, watching.head)))
  socket.write(textFrame(Frames.snapshot(speaker, watching.cursor, watching.snapshot)))
}

/** Attaches again, unless the end comes first, and says so where events may be missing. */
const reattach = <E>(session: Session<E>, cursor: string | undefined, lost: ResyncReason | undefined) =>
  Effect.raceFirst(
    Effect.map(attach(session.watch, cursor), (attached) => {
      session.attached = attached
      const reason = lost ?? attached.watching.resync
      if (reason !== undefined) introduce(session, attached, reason)
    }),
    session.ending.awaited
  )

/**
 * A member of the group until something ends that. Joining is one synchronous step that first writes what arrived since
 * the backlog was cut: what the group writes begins exactly there.
 */
const live = <E>(session: Session<E>, { entries, reset, watching: { detach } }: Early, written: number) => {
  const { ending, group, speaker } = session
  const { socket } = session.upgraded
  return Effect.callback<Signal>((resume) => {
    if (reset !== undefined) return resume(Effect.succeed({ kind: "reset", reason: reset }))
    for (const entry of entries.splice(0).slice(written)) {
      socket.write(textFrame(Frames.event(speaker, entry)))
      const state = endOf(entry)
      if (state !== undefined) return resume(Effect.succeed({ kind: "end", state }))
    }
    const leave = () => {
      session.joined = false
      ending.listen(undefined)
      group.leave(member)
    }
    const over = (signal: Signal) => {
      leave()
      resume(Effect.succeed(signal))
    }
    const member: Member = {
      socket,
      onEnd: (state) => over({ kind: "end", state }),
      onReset: (reason) => over({ kind: "reset", reason })
    }
    group.join(member)
    detach()
    session.joined = true
    ending.listen(() => over({ kind: "over" }))
    return Effect.sync(leave)
  })
}

/** Writes as much of the backlog as may wait in the socket, and is live once all of it is written. */
const catchUp = <E>(session: Session<E>, attached: Early): Effect.Effect<Signal> => {
  const { speaker, upgraded } = session
  const { socket } = upgraded
  const { detach, ended, replay } = attached.watching
  const backlog = [...replay, ...attached.entries]
  let bytes = 0
  let sent = 0
  while (sent < backlog.length && bytes < replayChunkBytes) {
    const frame = textFrame(Frames.event(speaker, backlog[sent]!))
    bytes += frame.length
    sent += 1
    socket.write(frame)
  }
  if (attached.reset === undefined && sent === backlog.length && socket.writableLength <= maxWaitingBytes) {
    const state = ended ?? backlog.map(endOf).find((end) => end !== undefined)
    if (state === undefined) return live(session, attached, backlog.length - replay.length)
    detach()
    return Effect.succeed({ kind: "end", state })
  }
  detach()
  if (attached.reset !== undefined) return Effect.succeed({ kind: "reset", reason: attached.reset })
  // Not all of it fits: let it drain and go on from the last event that was written; the log is the buffer.
  return Effect.succeed({ kind: "behind", cursor: backlog[sent - 1]?.cursor ?? attached.watching.cursor })
}

/** What the session's attachment leads to. It is kept by nobody from then on. */
const go = <E>(session: Session<E>): Effect.Effect<Signal> => {
  const { attached } = session
  session.attached = undefined
  return attached === undefined ? Effect.succeed({ kind: "over" }) : catchUp(session, attached)
}

const greet = <E>(session: Session<E>): void => {
  const { attached, upgraded } = session
  if (attached === undefined) return
  const { epoch, head, resync, retained_events } = attached.watching
  if (upgraded.webSocket.protocol === subprotocol) {
    upgraded.socket.write(textFrame(Frames.hello(epoch, retained_events, head)))
  }
  introduce(session, attached, resync)
}

/** From the hello until the worker has ended, the log has no future, or the end comes from outside. */
export const serve = Effect.fnUntraced(function* <E>(session: Session<E>) {
  const { webSocket } = session.upgraded
  greet(session)
  while (!session.ending.over) {
    const signal = yield* go(session)
    switch (signal.kind) {
      case "over":
        return
      case "end":
        if (webSocket.protocol === subprotocol) session.upgraded.socket.write(textFrame(Frames.end(signal.state)))
        return webSocket.close(CloseCode.normal, signal.state)
      case "behind":
        yield* drained(session)
        yield* reattach(session, signal.cursor, undefined)
        break
      case "reset":
        if (signal.reason === "gone") return webSocket.close(CloseCode.notFound, "the worker is gone")
        if (signal.reason === "overflow") yield* Metric.update(overflows, 1)
        yield* drained(session)
        yield* reattach(session, undefined, signal.reason)
    }
  }
})
