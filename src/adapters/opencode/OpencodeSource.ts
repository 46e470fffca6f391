/** An opencode server as a runtime: each of its sessions is a worker. */
import { DateTime, Deferred, Effect, Exit, Schema, Stream } from "effect"
import { EventLog } from "../../domain/EventLog.ts"
import { idPattern, type RuntimeId, WorkerId } from "../../domain/Identifiers.ts"
import * as KeyedLock from "../../domain/KeyedLock.ts"
import * as Problem from "../../domain/Problem.ts"
import type { ProfileSelector } from "../../domain/Profile.ts"
import { capability } from "../../domain/Runtime.ts"
import * as RuntimeFault from "../../domain/RuntimeFault.ts"
import type { SourcePrimitives } from "../../domain/plugin/Definition.ts"
import { maxPageBytes, maxPageItems } from "../../domain/Transcript.ts"
import { frames } from "../../domain/WatchStream.ts"
import type { CreateWorker, Worker, WorkerInput } from "../../domain/Worker.ts"
import * as Feed from "./Feed.ts"
import * as Call from "./OpencodeCall.ts"
import * as Wire from "./OpencodeWire.ts"
import type { Place, SessionLog } from "./SessionLog.ts"
import { ackOf, bytesOf, checkInput, loggedWorker, unsupported, workerOf } from "./SessionWorker.ts"

/** Sessions that are listed, the newest. */
export const maxSessions = 1_000

/** opencode says in its events that a command has been carried out; so long it is waited for, in milliseconds. */
const confirmMs = 4_000

/** What a busy session is worth waiting for, in milliseconds. */
const busyRetryMs = 1_000

/** Sessions whose messages are counted at once for a list. */
const counting = 8

const tooSmall = (parameter: string) =>
  Problem.fail("invalid_query", `The ${parameter} is too small.`, {
    errors: [{ pointer: `/${parameter}`, code: "too_small" }]
  })

const agentOf = (profile: ProfileSelector | undefined) => (profile?.kind === "named" ? profile.value : undefined)

/** Opens nothing yet. */
export const make = Effect.fnUntraced(function* (runtime_id: RuntimeId, line: Call.Line) {
  const feed = yield* Feed.make(line)
  /** One command at a time for each session. */
  const { within } = KeyedLock.make()
  /** Of sessions without a log, by id: what was counted, and of which update. */
  const counted = new Map<string, { readonly updated: number; readonly said: number }>()

  const get = <A>(path: string, answer: Schema.Codec<A, unknown>, query?: Readonly<Record<string, string>>) =>
    Call.send(line, { method: "GET", path, answer, ...(query === undefined ? undefined : { query }) })
  const pathOf = (id: WorkerId, rest = "") => `/session/${encodeURIComponent(id)}${rest}`
  /** In the order in which they were made: that of their last change would not hold still from page to page. */
  const sessions = Effect.map(get("/session", Wire.Sessions, { roots: "true", limit: String(maxSessions) }), (all) =>
    all
      .filter(({ id, parentID }) => parentID === undefined && idPattern.test(id))
      .toSorted((a, b) => a.time.created - b.time.created || (a.id < b.id ? -1 : 1))
  )
  const known = Effect.fnUntraced(function* (id: WorkerId) {
    if (!idPattern.test(id)) return yield* Problem.make("invalid_worker_id")
    // opencode calls other texts malformed; here they are ids of nobody, once it is known that the server is there.
    if (!id.startsWith("ses_")) {
      yield* get("/session/status", Wire.Statuses)
      return yield* Problem.make("worker_not_found")
    }
    return yield* feed.logOf(id)
  })

  const shown = (session: Wire.Session, log: SessionLog) => loggedWorker(runtime_id, session, log)
  const ack = (id: WorkerId, log: SessionLog) => ackOf(runtime_id, id, log)

  /** Waits until the session's log shows that it is so. */
  const until = (log: SessionLog, holds: () => boolean) =>
    Effect.callback<void>((resume) => {
      const look = () => (holds() ? resume(Effect.void) : undefined)
      log.onPhase = look
      look()
    }).pipe(
      Effect.timeoutOrElse({ duration: confirmMs, orElse: () => Effect.fail(RuntimeFault.problem("answer_late")) }),
      Effect.ensuring(Effect.sync(() => (log.onPhase = undefined)))
    )
  const abort = Effect.fnUntraced(function* (id: WorkerId, log: SessionLog, ending: boolean) {
    if (log.state !== "busy") return
    log.abort(ending)
    yield* Call.send(line, { method: "POST", path: pathOf(id, "/abort"), answer: Schema.Unknown })
    yield* until(log, () => log.state !== "busy")
  })

  const archive = Effect.fnUntraced(function* (id: WorkerId, log: SessionLog) {
    yield* abort(id, log, true)
    const body = { time: { archived: DateTime.toEpochMillis(yield* DateTime.now) } }
    yield* Call.send(line, { method: "PATCH", path: pathOf(id), body, answer: Schema.Unknown })
    log.stop()
  })

  const input = (worker_id: WorkerId, { content }: WorkerInput) =>
    within(
      worker_id,
      Effect.gen(function* () {
        const { feed: now, log } = yield* known(worker_id)
        if (log.state === "stopped") return yield* Problem.make("worker_not_running")
        if (log.state === "busy") return yield* Problem.make("worker_busy", undefined, { retry_after_ms: busyRetryMs })
        const seen = Deferred.makeUnsafe<Place, Problem.Problem>()
        log.onUserText = (text, place) =>
          text === content ? Deferred.doneUnsafe(seen, Exit.succeed(place)) : undefined
        const body = { parts: [{ type: "text", text: content }] }
        yield* Call.send(line, { method: "POST", path: pathOf(worker_id, "/prompt_async"), body, answer: Schema.Null })
        const place = yield* Effect.raceFirst(Deferred.await(seen), Deferred.await(now.lost)).pipe(
          Effect.timeoutOrElse({ duration: confirmMs, orElse: () => Effect.fail(RuntimeFault.problem("answer_late")) }),
          Effect.ensuring(Effect.sync(() => (log.onUserText = undefined)))
        )
        const { event_id, sequence } = place
        return { ...ack(worker_id, log), state: "busy" as const, event_id, transcript_sequence: sequence }
      })
    )

  const create = Effect.fnUntraced(function* (request: CreateWorker) {
    const { config_bundle, display_name, initial_input, profile, worker_id } = request
    if (worker_id !== undefined) return yield* unsupported("workers.create.worker_id")
    if (config_bundle !== undefined) return yield* unsupported(capability.configBundles)
    if (initial_input !== undefined) {
      if (initial_input.kind !== "user") return yield* Problem.make("invalid_initial_input_kind")
      yield* checkInput(initial_input)
    }
    const agent = agentOf(profile)
    if (profile !== undefined && profile.kind !== "runtime_default") {
      if (!(yield* profiles).some(({ selector }) => agentOf(selector) === agent && agent !== undefined)) {
        return yield* Problem.make("invalid_profile_selector")
      }
    }
    // Before the session is: then none of its events is missed.
    const now = yield* feed.ensure
    const session = yield* Call.send(line, {
      method: "POST",
      path: "/session",
      body: { ...(display_name && { title: display_name }), ...(agent && { agent }) },
      answer: Wire.Session
    })
    const log = feed.adopt(now, session, [], false)
    if (initial_input !== undefined) yield* input(WorkerId.make(session.id), initial_input)
    return shown(session, log)
  })

  const profiles = Effect.map(get("/agent", Wire.Agents), (agents) =>
    agents
      .filter(
        ({ hidden, mode, name }) => mode !== "subagent" && hidden !== true && /^[A-Za-z0-9][\w.-]{0,95}$/.test(name)
      )
      .map(({ description, name }) => ({
        selector: { kind: "named" as const, value: name },
        label: name,
        description: description ?? ""
      }))
  )

  const count = Effect.fnUntraced(function* (session: Wire.Session) {
    const before = counted.get(session.id)
    if (before?.updated === session.time.updated) return before.said
    const said = Wire.saidIn(yield* get(pathOf(WorkerId.make(session.id), "/message"), Wire.Messages)).length
    if (counted.size >= maxSessions) counted.clear()
    counted.set(session.id, { updated: session.time.updated, said })
    return said
  })

  const replayed = false
  return {
    describe: Effect.gen(function* () {
      const [health, offered, all] = yield* Effect.all([get("/global/health", Wire.Health), profiles, sessions], {
        concurrency: 3
      })
      return { version: health.version, profiles: offered, worker_count: all.length }
    }),

    list: Effect.fnUntraced(function* ({ cursor, limit, state }) {
      if (limit !== undefined && limit < 1) return yield* tooSmall("limit")
      const [all, statuses, { logs }] = yield* Effect.all(
        [sessions, get("/session/status", Wire.Statuses), feed.ensure],
        { concurrency: 3 }
      )
      const at = cursor === undefined ? -1 : all.findIndex(({ id }) => id === cursor)
      if (cursor !== undefined && at < 0) {
        return yield* Problem.make("invalid_cursor", "The list cursor does not name a place in this list.")
      }
      const stateOf = (session: Wire.Session): Worker["state"] => {
        if (session.time.archived !== undefined) return "stopped"
        return logs.get(session.id)?.state ?? ((statuses[session.id]?.type ?? "idle") === "idle" ? "idle" : "busy")
      }
      const rest = all.slice(at + 1).filter((session) => state === undefined || stateOf(session) === state)
      const page = rest.slice(0, limit ?? rest.length)
      const items = yield* Effect.forEach(
        page,
        (session) => {
          const log = logs.get(session.id)
          if (log !== undefined)
            return Effect.succeed(workerOf(runtime_id, session, stateOf(session), log.said, log.log.head))
          return Effect.map(count(session), (said) => workerOf(runtime_id, session, stateOf(session), said, said))
        },
        { concurrency: counting }
      )
      return { items, next_cursor: page.length < rest.length ? (page.at(-1)?.id ?? null) : null }
    }),

    get: Effect.fnUntraced(function* (id) {
      const { log } = yield* known(id)
      return shown(yield* get(pathOf(id), Wire.Session), log)
    }),

    create: (request) => Effect.map(create(request), (answer) => ({ answer, replayed })),

    input: Effect.fnUntraced(function* (id, said) {
      yield* checkInput(said)
      if (said.mode !== undefined && said.mode !== "reject") return yield* unsupported(`workers.input.${said.mode}`)
      return { answer: yield* input(id, said), replayed }
    }),

    stop: (id) =>
      within(
        id,
        Effect.gen(function* () {
          const { log } = yield* known(id)
          if (log.state !== "stopped") yield* Effect.onError(archive(id, log), () => Effect.sync(() => log.keep()))
          return { answer: ack(id, log), replayed }
        })
      ),

    interrupt: (id) =>
      within(
        id,
        Effect.gen(function* () {
          const { log } = yield* known(id)
          if (log.state === "stopped") return yield* Problem.make("worker_not_running")
          yield* abort(id, log, false)
          return { answer: ack(id, log), replayed }
        })
      ),

    transcript: Effect.fnUntraced(function* (id, { limit: asked = maxPageItems, start = 0 }) {
      if (asked < 1) return yield* tooSmall("limit")
      if (start < 0) return yield* tooSmall("start")
      const limit = Math.min(asked, maxPageItems)
      const { log } = yield* known(id)
      const messages = Wire.saidIn(yield* get(pathOf(id, "/message"), Wire.Messages))
      // What has no number yet has not been told to watchers either.
      const all = messages.flatMap(({ content, part_id, role }) => {
        const place = log.places.get(part_id)
        return place === undefined ? [] : [{ ...place, role, content }]
      })
      let bytes = 0
      const items = all.slice(start, start + limit).filter((item, index) => {
        bytes += bytesOf(item.content)
        return index === 0 || bytes <= maxPageBytes
      })
      const end = start + items.length
      return {
        start,
        limit,
        total_items: all.length,
        next_start: items.length > 0 && end < all.length ? end : null,
        items
      }
    }),

    events: (id, cursor) =>
      Stream.unwrap(
        Effect.gen(function* () {
          const from = EventLog.parseCursor(cursor)
          if (from._tag === "None") return yield* Problem.make("invalid_cursor")
          const { feed: now, log } = yield* known(id)
          const watched = frames<Problem.Problem>(
            (text, watcher, onReset) =>
              Effect.acquireRelease(
                Effect.sync(() => {
                  const at = EventLog.parseCursor(text)
                  const attached = log.log.attach(at._tag === "Some" ? at.value : undefined, watcher, onReset)
                  return {
                    ...attached,
                    epoch: log.log.epoch,
                    retained_events: log.log.head - log.log.floor,
                    head: log.log.headCursor,
                    ended: log.state === "stopped" ? ("stopped" as const) : undefined
                  }
                }),
                ({ detach }) => Effect.sync(detach)
              ),
            cursor
          )
          return Stream.merge(watched, Stream.fromEffectDrain(Deferred.await(now.lost)), { haltStrategy: "left" })
        })
      )
  } satisfies SourcePrimitives
})
