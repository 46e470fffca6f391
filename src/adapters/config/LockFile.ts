/**
 * Mutual exclusion between processes through a file. A lock appears whole (it is hard-linked into place), names its
 * holder, and is taken over when that holder has died.
 *
 * Only the holder of `<lock>.takeover` may remove another's lock, after reading again that it is still the dead one; so
 * a slow process cannot remove the lock of a living one. That guard is itself such a lock, one level up.
 */
import { randomUUID } from "node:crypto"
import { Clock, Effect, FileSystem, Option, Schema } from "effect"
import type { PlatformError } from "effect/PlatformError"
import { FileRefused, fromPlatform } from "./FileRefused.ts"
import * as ProcessIdentity from "./ProcessIdentity.ts"

/** Milliseconds between attempts; a write holds the lock for a few. */
const RETRY_MILLIS = 20

/** Attempts before `locked`; with the pause above about 5 s. */
export const MAX_ATTEMPTS = 250

/** Milliseconds after which the lock of a process that cannot be asked (another container or machine) counts as left behind. */
export const FOREIGN_LOCK_MILLIS = 60_000

/** Locks above the lock: a process would have to die this often inside a takeover before a person has to help. */
const MAX_TAKEOVERS = 3

const Holder = Schema.fromJsonString(
  Schema.Struct({ pid: Schema.Int, started: Schema.String, host: Schema.String, claim: Schema.String })
)

const tag = (error: PlatformError) => error.reason._tag

/** The lock's text, or nothing when it has just been released. */
const readLock = (path: string) =>
  Effect.flatMap(FileSystem.FileSystem, (fs) => fs.readFileString(path)).pipe(
    Effect.asSome,
    Effect.catchIf(
      (error) => tag(error) === "NotFound",
      () => Effect.succeedNone
    )
  )

const isLeftBehind = Effect.fnUntraced(function* (path: string, text: string) {
  const fs = yield* FileSystem.FileSystem
  const holder = yield* Schema.decodeEffect(Holder)(text).pipe(Effect.option)
  const own = yield* ProcessIdentity.self
  if (Option.isSome(holder) && holder.value.host === own.host) return !(yield* ProcessIdentity.runs(holder.value))
  const written = yield* Effect.map(fs.stat(path), (info) => Option.getOrUndefined(info.mtime)).pipe(
    Effect.orElseSucceed(() => undefined)
  )
  return written !== undefined && (yield* Clock.currentTimeMillis) - written.getTime() > FOREIGN_LOCK_MILLIS
})

const release = Effect.fnUntraced(
  function* (path: string, text: string) {
    const fs = yield* FileSystem.FileSystem
    const current = yield* readLock(path)
    if (Option.isSome(current) && current.value === text) yield* fs.remove(path)
  },
  (release) => Effect.ignore(release)
)

/** Links the claim into the lock's place. `false` when somebody else holds it. */
const attempt = (
  path: string,
  claim: string,
  text: string,
  level: number
): Effect.Effect<boolean, PlatformError, FileSystem.FileSystem> =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const linked = yield* fs.link(claim, path).pipe(
      Effect.as(true),
      Effect.catchIf(
        (error) => tag(error) === "AlreadyExists",
        () => Effect.succeed(false)
      )
    )
    if (linked) return true
    const found = yield* readLock(path)
    if (Option.isNone(found) || level >= MAX_TAKEOVERS || !(yield* isLeftBehind(path, found.value))) return false
    const guard = `${path}.takeover`
    if (!(yield* attempt(guard, claim, text, level + 1))) return false
    yield* Effect.gen(function* () {
      const again = yield* readLock(path)
      if (Option.isNone(again) || again.value !== found.value) return
      yield* fs.remove(path)
      const dead = yield* Schema.decodeEffect(Holder)(found.value).pipe(Effect.option)
      if (Option.isSome(dead) && CLAIM.test(dead.value.claim))
        yield* Effect.ignore(fs.remove(`${path}.${dead.value.claim}`))
    }).pipe(Effect.ensuring(release(guard, text)))
    return false
  })

/** A claim is a file name beside the lock; what a lock says about it is not trusted further than this. */
const CLAIM = /^[0-9a-f-]{36}$/

/** Runs `use` while holding the lock at `path`. Fails with `locked` when it does not become free in about 5 s. */
export const hold = <A, E, R>(path: string, use: Effect.Effect<A, E, R>) =>
  Effect.uninterruptibleMask((restore) =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const name = randomUUID()
      const claim = `${path}.${name}`
      const text = JSON.stringify({ ...(yield* ProcessIdentity.self), claim: name })
      const acquire = Effect.gen(function* () {
        yield* fs.writeFileString(claim, text, { flag: "wx", mode: 0o600 })
        for (let tries = 0; tries < MAX_ATTEMPTS; tries++) {
          if (yield* attempt(path, claim, text, 0)) return
          yield* restore(Effect.sleep(RETRY_MILLIS))
        }
        return yield* new FileRefused({ reason: "locked" })
      })
      yield* acquire.pipe(
        Effect.ensuring(Effect.ignore(fs.remove(claim, { force: true }))),
        Effect.catchTag("PlatformError", (error) => Effect.fail(fromPlatform(error)))
      )
      return yield* restore(use).pipe(Effect.ensuring(release(path, text)))
    })
  )
