/**
 * The one event stream that a connection holds, and the sessions whose events are numbered by it. It is opened when it is
 * first needed. When it breaks, nothing of it is resumed: whoever watched is told, and numbers begin anew.
 */
import { randomBytes } from "node:crypto"
import { Deferred, Effect, Exit, Scope, Semaphore } from "effect"
import type * as Problem from "../../domain/Problem.ts"
import * as Call from "./OpencodeCall.ts"
import * as Wire from "./OpencodeWire.ts"
import { type Numbers, SessionLog } from "./SessionLog.ts"

/** Sessions with a log at once. Above it the one that was opened first and that nobody watches loses its log. */
export const maxLogs = 512

/** Of one event stream, from its start to its end. */
export interface Feed {
  readonly logs: Map<string, SessionLog>
  /** Events of sessions that are just being read. */
  readonly early: Map<string, Array<Wire.Event>>
  /** Fails when the stream has ended. */
  readonly lost: Deferred.Deferred<never, Problem.Problem>
}

const sort = (feed: Feed, event: Wire.Event) => {
  const id = event.properties.sessionID
  const early = feed.early.get(id)
  // Text that grew before the messages were read is in them, or comes whole in the end.
  if (early !== undefined) {
    if (event.type !== "message.part.delta") early.push(event)
    return
  }
  feed.logs.get(id)?.take(event)
  if (event.type === "session.deleted") feed.logs.delete(id)
}

/** The numbers of logs that are no more, so that none is given twice while the connection lives; the last ones. */
class Past {
  readonly #numbers = new Map<string, Numbers>()

  keep(id: string, { numbers }: SessionLog): void {
    this.#numbers.delete(id)
    this.#numbers.set(id, numbers)
    const [oldest] = this.#numbers.keys()
    if (this.#numbers.size > maxLogs && oldest !== undefined) this.#numbers.delete(oldest)
  }

  of(id: string): Numbers | undefined {
    return this.#numbers.get(id)
  }
}

const prune = ({ logs }: Feed, past: Past) => {
  for (const [id, session] of logs) {
    if (logs.size <= maxLogs) return
    if (session.log.watcherCount > 0 || session.onUserText !== undefined) continue
    past.keep(id, session)
    logs.delete(id)
  }
}

export const make = Effect.fnUntraced(function* (line: Call.Line) {
  const scope = yield* Effect.scope
  const opening = yield* Semaphore.make(1)
  const reading = yield* Semaphore.make(1)
  const past = new Past()
  let current: Feed | undefined

  const open = Effect.gen(function* () {
    const own = yield* Scope.fork(scope)
    const { take } = yield* Call.events(line).pipe(
      Scope.provide(own),
      Effect.onError(() => Scope.close(own, Exit.void))
    )
    const feed: Feed = { logs: new Map(), early: new Map(), lost: Deferred.makeUnsafe() }
    const follow = Effect.forever(
      Effect.map(take, (texts) => {
        for (const text of texts) {
          const event = Wire.eventOf(text)
          if (event !== undefined) sort(feed, event)
        }
      })
    ).pipe(
      Effect.catch((problem) =>
        Effect.gen(function* () {
          if (current === feed) current = undefined
          for (const [id, session] of feed.logs) past.keep(id, session)
          Deferred.doneUnsafe(feed.lost, Exit.fail(problem))
          yield* Scope.close(own, Exit.void)
        })
      )
    )
    yield* Effect.forkIn(follow, scope)
    current = feed
    return feed
  })

  /** The stream that is open, or a new one. */
  const ensure = opening.withPermit(Effect.suspend(() => (current === undefined ? open : Effect.succeed(current))))

  const read = Effect.fnUntraced(function* (feed: Feed, id: string) {
    const path = `/session/${encodeURIComponent(id)}`
    feed.early.set(id, [])
    const [session, messages, statuses] = yield* Effect.all(
      [
        Call.send(line, { method: "GET", path, answer: Wire.Session }),
        Call.send(line, { method: "GET", path: `${path}/message`, answer: Wire.Messages }),
        Call.send(line, { method: "GET", path: "/session/status", answer: Wire.Statuses })
      ],
      { concurrency: 3 }
    ).pipe(Effect.onError(() => Effect.sync(() => feed.early.delete(id))))
    return adopt(feed, session, messages, (statuses[id]?.type ?? "idle") !== "idle")
  })

  /** Numbers a session from here on. */
  const adopt = (feed: Feed, session: Wire.Session, messages: Wire.Messages, busy: boolean) => {
    const log = new SessionLog(randomBytes(8).toString("hex"), session, messages, busy, past.of(session.id))
    for (const event of feed.early.get(session.id) ?? []) log.take(event)
    feed.early.delete(session.id)
    feed.logs.set(session.id, log)
    prune(feed, past)
    return log
  }

  return {
    ensure,
    adopt,
    /** The session's log, made from its messages when it is first asked for. */
    logOf: Effect.fnUntraced(function* (id: string) {
      const feed = yield* ensure
      const log =
        feed.logs.get(id) ??
        (yield* reading.withPermit(
          Effect.suspend(() => {
            const made = feed.logs.get(id)
            return made === undefined ? read(feed, id) : Effect.succeed(made)
          })
        ))
      return { feed, log }
    })
  }
})
