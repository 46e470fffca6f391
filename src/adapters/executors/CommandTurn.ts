/** One turn with a program: its output as growing text, up to the end that the mode knows, within the limits. */
import { Clock, Effect, Option, Queue } from "effect"
import type { CommandProfile } from "../../domain/ProfileDeclaration.ts"
import { event } from "../../domain/WorkerEvent.ts"
import type { ChildGroup } from "./ChildGroup.ts"
import type { TextTap } from "./TextTap.ts"
import { idleFailure, wallFailure } from "./TurnLimits.ts"
import { paceMs, type TurnQueue } from "./TurnStream.ts"

export interface Running {
  readonly group: ChildGroup
  readonly tap: TextTap
}

/** Longer answers are kept in pieces of so many UTF-16 units, so that each fits a record, a frame and a page. */
export const pieceLength = 262_144

/**
 * The line that ends a turn, found in text that arrives in pieces. A beginning of it is held back until it is clear that
 * it is not the line.
 */
export const marker = (line: string | undefined) => {
  let pending = ""
  let atLineStart = true
  return (text: string): { readonly text: string; readonly rest: string | undefined } => {
    if (line === undefined) return { text, rest: undefined }
    let from = 0
    const all = pending + text
    pending = ""
    while (from <= all.length) {
      const end = all.indexOf("\n", from)
      const current = all.slice(from, end < 0 ? undefined : end)
      const bare = current.endsWith("\r") ? current.slice(0, -1) : current
      if (atLineStart && end >= 0 && bare === line) return { text: all.slice(0, from), rest: all.slice(end + 1) }
      if (end < 0) {
        if (atLineStart && current !== "" && `${line}\r`.startsWith(current)) {
          pending = current
          return { text: all.slice(0, from), rest: undefined }
        }
        atLineStart = atLineStart && current === ""
        return { text: all, rest: undefined }
      }
      atLineStart = true
      from = end + 1
    }
    return { text: all, rest: undefined }
  }
}

const write = (group: ChildGroup, text: string, close: boolean) =>
  Effect.sync(() => {
    if (group.child.stdin.destroyed) return
    group.child.stdin.write(text)
    if (close) group.child.stdin.end()
  })

/**
 * Interrupts what the program does and waits until it is ready for the next input: for the line that ends a turn, or for
 * a silence. False when it does not get ready within the profile's `stop_ms`, or has ended.
 */
export const calm = Effect.fnUntraced(function* ({ group, tap }: Running, declared: CommandProfile) {
  const { stop_ms } = declared.limits
  const until = marker(declared.end_of_turn)
  const quiet = declared.end_of_turn === undefined
  // Half of the time there is at most, so that there is time for a silence after some words.
  const patience = quiet ? Math.min(declared.quiet_ms, stop_ms / 2) : stop_ms
  const ready = Effect.gen(function* () {
    while (true) {
      const heard = yield* Effect.timeoutOption(tap.read, patience)
      if (Option.isNone(heard)) return quiet
      if (heard.value === undefined) return false
      const { rest } = until(heard.value)
      if (rest === undefined) continue
      tap.unread(rest)
      return true
    }
  })
  yield* group.interrupt
  return yield* ready.pipe(
    Effect.timeoutOrElse({ duration: stop_ms, orElse: () => Effect.succeed(false) }),
    Effect.orElseSucceed(() => false)
  )
})

/**
 * Talks with the program until the turn is over, and tells by whose end: the turn's, or the program's own. What was said
 * until a failure is part of the transcript, too.
 */
export const talk = Effect.fnUntraced(function* (
  queue: TurnQueue,
  { group, tap }: Running,
  declared: CommandProfile,
  input: string
) {
  const { idle_ms, wall_ms } = declared.limits
  const session = declared.mode === "session"
  const until = marker(session ? declared.end_of_turn : undefined)
  const quiet = session && declared.end_of_turn === undefined
  const began = yield* Clock.currentTimeMillis
  let said = ""
  let any = false
  const finish = Effect.suspend(() => {
    const text = said
    said = ""
    return text === "" ? Effect.void : Queue.offer(queue, event({ event: "text_done", data: { text } }))
  })
  const show = Effect.fnUntraced(function* (text: string) {
    if (text === "") return
    any = true
    for (let at = 0; at < text.length; at += pieceLength) {
      const piece = text.slice(at, at + pieceLength)
      if (said.length + piece.length > pieceLength) yield* finish
      said += piece
      yield* Queue.offer(queue, event({ event: "text_delta", data: { text: piece } }))
    }
  })
  const converse = Effect.gen(function* () {
    tap.begin()
    group.begin()
    yield* write(group, session && !input.endsWith("\n") ? `${input}\n` : input, !session)
    while (true) {
      const left = wall_ms - ((yield* Clock.currentTimeMillis) - began)
      if (left <= 0) return yield* Effect.fail(wallFailure(wall_ms))
      const patience = quiet && any ? Math.min(declared.quiet_ms, idle_ms) : idle_ms
      const heard = yield* Effect.timeoutOption(tap.read, Math.min(patience, left))
      if (Option.isNone(heard)) {
        if (quiet && any) return "turn" as const
        if (left > idle_ms) return yield* Effect.fail(idleFailure(idle_ms))
        continue
      }
      if (heard.value === undefined) {
        const ended = yield* Effect.timeoutOrElse(group.ended, {
          duration: Math.min(idle_ms, left),
          orElse: () => Effect.fail(left > idle_ms ? idleFailure(idle_ms) : wallFailure(wall_ms))
        })
        if (ended.code === 0 && !group.overspent()) return "program" as const
        return yield* Effect.fail(group.crash(ended))
      }
      const { rest, text } = until(heard.value)
      yield* show(text)
      if (rest !== undefined) {
        tap.unread(rest)
        return "turn" as const
      }
      yield* Effect.sleep(paceMs)
    }
  })
  const exit = yield* Effect.exit(Effect.ensuring(converse, Effect.sync(group.rest)))
  yield* finish
  return yield* exit
})
