/**
 * Keeps the host of one plugin running: one that ends, uses too much or answers no more is ended for good and started
 * again after a while. Whoever depends on it learns of the loss as a typed failure in the same moment, and nobody else.
 */
import { Clock, Effect, Exit, Random, type Redacted, Scope, Stream } from "effect"
import { lost } from "../../adapters/rpc/HostFailure.ts"
import { type Facts, firstChannel, type Opening, type ReachNews } from "../../adapters/rpc/HostRpcs.ts"
import type { Diagnostic } from "../../domain/Diagnostic.ts"
import type * as Problem from "../../domain/Problem.ts"
import type { Primitives } from "../../domain/RuntimeSource.ts"
import type { IsolatedPlugin } from "./Isolation.ts"
import { type Bounds, loopCrashes } from "./isolatedBounds.ts"
import * as Life from "./isolatedLife.ts"
import * as Output from "./isolatedOutput.ts"
import type { NotLoaded } from "./PluginFile.ts"

export interface Supervisor {
  readonly facts: ReadonlyArray<Facts>
  /** Of the present process; undefined for a thread, and while there is none. */
  readonly pid: () => number | undefined
  /** How often the host was started with success. */
  readonly lives: () => number
  /**
   * A channel for as long as the scope lives, through all lives of the host. Fails when the connection cannot be opened;
   * a host that is not there at the moment is no failure.
   */
  readonly connect: (
    opening: Opening,
    granted: Life.Granted
  ) => Effect.Effect<Effect.Effect<Required<Primitives>, Problem.Problem>, Problem.Problem, Scope.Scope>
  /** Goes the way to a connection's runtime, once. */
  readonly reach: (opening: Opening, granted: Life.Granted) => Stream.Stream<ReachNews, Problem.Problem>
  /** A scheme's lookup for as long as the scope lives. `selective` as the plugin has it at the moment. */
  readonly scheme: (
    name: string,
    granted: Life.Granted
  ) => Effect.Effect<
    {
      readonly selective: boolean
      readonly resolve: (rest: string) => Effect.Effect<Redacted.Redacted<string>, Problem.Problem>
    },
    Problem.Problem,
    Scope.Scope
  >
}

const words: Readonly<Record<Life.End, string>> = {
  not_started: "could not be started",
  memory: "used more memory than it may",
  processes: "started more processes than it may",
  exited: "ended",
  threw: "broke off",
  unresponsive: "answered no more",
  garbled: "said something that no plugin's host says",
  text_too_long: "said more at once than a plugin's host may",
  unknown: "closed its connection"
}

const wordsOf = (why: string): string =>
  Object.hasOwn(words, why) ? words[why as Life.End] : "could not be loaded again"

const diagnosticOf = (name: string, crashes: number, why: string): Diagnostic =>
  crashes < loopCrashes
    ? {
        code: "plugin_restarting",
        severity: "warning",
        message: `${name} ${wordsOf(why)} and is started again. Its runtimes cannot be reached meanwhile.`
      }
    : {
        code: "plugin_crash_loop",
        severity: "error",
        message: `${name} was lost ${crashes} times in a row; the last time it ${wordsOf(why)}. It is started again ever more slowly.`
      }

/** Runs until the scope closes. Fails when the first start fails: nothing is known of the plugin then. */
export const make = Effect.fnUntraced(function* (
  plugin: IsolatedPlugin,
  bounds: Bounds
): Effect.fn.Return<Supervisor, NotLoaded, Scope.Scope> {
  // Made before the loop below, and so ended after it: an end in order is no loss.
  const scope = yield* Scope.fork(yield* Effect.scope)
  const clock = yield* Clock.Clock
  const services = yield* Effect.context<never>()
  const runFork = Effect.runForkWith(services)
  const output = Output.make(
    (line) => void runFork(Effect.annotateLogs(Effect.logInfo("A plugin's output"), { plugin: plugin.name, line })),
    () => clock.currentTimeMillisUnsafe()
  )
  const grants = new Map<number, Life.Granted>()
  let channels = firstChannel
  let lives = 1
  let current: Life.Life | undefined
  let own: Scope.Closeable | undefined

  const start = Effect.gen(function* () {
    own = yield* Scope.fork(scope)
    return yield* Life.start(plugin, bounds, grants, output).pipe(Scope.provide(own))
  }).pipe(Effect.onError(() => end))
  const end = Effect.suspend(() => {
    const ending = own
    own = undefined
    current = undefined
    return ending === undefined ? Effect.void : Scope.close(ending, Exit.void)
  })

  yield* Effect.addFinalizer(() => Effect.sync(() => void (current = undefined)))
  const first = yield* start
  current = first

  const supervise = Effect.gen(function* () {
    let crashes = 0
    let life: Life.Life | undefined = first
    for (;;) {
      let why: string
      if (life === undefined) {
        const started: Exit.Exit<Life.Life, NotLoaded> = yield* Effect.exit(start)
        if (started._tag === "Success") {
          life = current = started.value
          lives += 1
          if (crashes < loopCrashes) yield* plugin.tell([])
          continue
        }
        why = "not_loaded"
      } else {
        const since = clock.currentTimeMillisUnsafe()
        const stable = Effect.sleep(bounds.stableMs).pipe(
          Effect.andThen(
            Effect.suspend(() => {
              const looped = crashes >= loopCrashes
              crashes = 0
              return looped ? plugin.tell([]) : Effect.void
            })
          ),
          Effect.andThen(Effect.never)
        )
        why = yield* Effect.raceFirst(life.end, stable)
        life = undefined
        yield* end
        yield* Effect.logWarning("A plugin's host was lost").pipe(
          Effect.annotateLogs({ plugin: plugin.name, why, lived_ms: clock.currentTimeMillisUnsafe() - since })
        )
      }
      crashes += 1
      yield* plugin.tell([diagnosticOf(plugin.name, crashes, why)])
      const most = Math.min(bounds.maxBackoffMs, bounds.backoffMs * 2 ** Math.min(crashes - 1, 16))
      yield* Effect.sleep(yield* Random.nextBetween(0, most))
    }
  })
  yield* Effect.forkScoped(supervise)

  const channel = (granted: Life.Granted) =>
    Effect.acquireRelease(
      Effect.sync(() => {
        const number = channels++
        grants.set(number, granted)
        return number
      }),
      (number) =>
        Effect.suspend(() => {
          grants.delete(number)
          return current?.close(number) ?? Effect.void
        })
    )

  return {
    facts: first.facts,
    pid: () => current?.pid,
    lives: () => lives,
    connect: Effect.fnUntraced(function* (opening, granted) {
      const wanted = { channel: yield* channel(granted), opening }
      const source = Effect.suspend(() => current?.source(wanted) ?? Effect.fail(lost()))
      if (current !== undefined) {
        yield* Effect.catchIf(
          source,
          ({ context: { reason } }) => reason === "host_lost",
          () => Effect.void
        )
      }
      return source
    }),
    reach: (opening, granted) =>
      Stream.unwrap(
        Effect.map(channel(granted), (number) =>
          current === undefined ? Stream.fail(lost()) : current.reach({ channel: number, opening })
        )
      ),
    scheme: Effect.fnUntraced(function* (name, granted) {
      const number = yield* channel(granted)
      const opened = new WeakMap<Life.Life, boolean>()
      const life = Effect.gen(function* () {
        const present = current
        if (present === undefined) return yield* lost()
        if (!opened.has(present)) opened.set(present, (yield* present.openScheme(number, name)).selective)
        return present
      })
      const selective = opened.get(yield* life) ?? true
      return { selective, resolve: (rest) => Effect.flatMap(life, (it) => it.resolve(number, rest)) }
    })
  }
})
