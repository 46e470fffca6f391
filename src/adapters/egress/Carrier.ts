/**
 * Keeps up what carries connections to a peer: a process, a tunnel. Starts it, starts it again after every end with full
 * jitter between nothing and a bound that doubles, and dials through it while it is up.
 */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import type * as Scope from "effect/Scope"
import { connect as connectTo, type NetConnectOpts, type Socket } from "node:net"
import * as SafeProblem from "../../domain/plugin/SafeProblem.ts"
import * as Problem from "../../domain/Problem.ts"
import { discard } from "./EgressDial.ts"
import { codeOf, type EgressFailure, failure } from "./EgressFailure.ts"
import type { Dialer, Held } from "./EgressTarget.ts"

/** Bounds of the wait before the first and before every later attempt, in milliseconds. */
export const firstBackoffMs = 500
export const lastBackoffMs = 30_000

/** What was up for so long, in milliseconds, was up: the next wait is short again … */
export const steadyMs = 1_000

/** … which is at most this, in milliseconds; dials wait meanwhile. */
export const comebackMs = 250

/** An end shows at once to whoever dials through; so long, in milliseconds, it is waited for until it is noticed here. */
const noticeMs = 250

/** A dial waits so long for what is just being started, in milliseconds; it is what one step of a direct dial may take. */
export const dialWaitMs = 3_000

/** Something that is up. */
export interface Up {
  readonly dial: Dialer
  /** Completes when it is up no longer, with what callers are to be told from then on. */
  readonly ended: Effect.Effect<Problem.Problem>
}

export interface Carrier {
  readonly dial: Dialer
  /** Times that it was started again. */
  readonly restarts: () => number
  /** When it came up, in milliseconds of the clock; undefined while it is down. */
  readonly upSince: () => number | undefined
}

type State = { readonly _tag: "starting" } | { readonly _tag: "up"; readonly up: Up } | Down
interface Down {
  readonly _tag: "down"
  readonly problem: Problem.Problem
}

const down = ({ problem }: Down) => failure({ _tag: "carrier", problem }, false)

/**
 * @param start brings it up for as long as the scope lives
 * @param starting what callers are told while that takes longer than they can wait
 */
export const make = Effect.fnUntraced(function* (
  start: Effect.Effect<Up, Problem.Problem, Scope.Scope>,
  starting: Problem.Problem
): Effect.fn.Return<Carrier, never, Scope.Scope> {
  let state: State = { _tag: "starting" }
  let settled = Deferred.makeUnsafe<void>()
  let left = Deferred.makeUnsafe<void>()
  let restarts = 0
  let since: number | undefined

  const become = (next: State) => {
    state = next
    const [wasSettled, wasLeft] = [settled, left]
    if (next._tag === "up") left = Deferred.makeUnsafe()
    if (next._tag === "starting") settled = Deferred.makeUnsafe()
    // Last: whoever waits goes on from within.
    if (next._tag !== "starting") Deferred.doneUnsafe(wasSettled, Exit.void)
    if (next._tag !== "up") Deferred.doneUnsafe(wasLeft, Exit.void)
  }

  const once = Effect.gen(function* () {
    const up = yield* start
    since = yield* Clock.currentTimeMillis
    become({ _tag: "up", up })
    const problem = yield* up.ended
    become({ _tag: "starting" })
    return problem
  }).pipe(
    Effect.scoped,
    Effect.catch((problem) => Effect.succeed(problem)),
    // A defect of one attempt, a full disk for instance, must not be the end of all.
    Effect.catchDefect((defect) =>
      // Its own words may hold a path: the log learns its kind and place.
      Effect.logError("What carries connections to a runtime broke off").pipe(
        Effect.annotateLogs({ error: SafeProblem.nameOf(defect), at: SafeProblem.whereOf(defect) }),
        Effect.as(Problem.make("internal"))
      )
    )
  )

  const keep = Effect.gen(function* () {
    let bound = firstBackoffMs
    let flapped = false
    while (true) {
      const problem = yield* once
      const held = since === undefined ? undefined : (yield* Clock.currentTimeMillis) - since
      since = undefined
      if (held !== undefined && (held >= steadyMs || !flapped)) {
        flapped = held < steadyMs
        bound = firstBackoffMs
        yield* Effect.sleep((yield* Random.next) * comebackMs)
      } else {
        become({ _tag: "down", problem })
        // What an attempt cannot change is not attempted in a hurry: peers lock out who knocks too often.
        yield* Effect.sleep(problem.retryable ? (yield* Random.next) * bound : lastBackoffMs)
        bound = Math.min(lastBackoffMs, bound * 2)
        become({ _tag: "starting" })
      }
      restarts += 1
    }
  })
  yield* Effect.forkScoped(keep)

  const through = (held: Held): ReturnType<Dialer> => {
    switch (state._tag) {
      case "up":
        return state.up.dial(held)
      case "down":
        return Effect.fail(down(state))
      case "starting":
        return Effect.fail(failure({ _tag: "carrier", problem: starting }, false))
    }
  }
  const awaited = Effect.suspend(() => Deferred.await(settled))
  const patient = (held: Held): ReturnType<Dialer> =>
    Effect.andThen(
      Effect.timeoutOption(awaited, dialWaitMs),
      Effect.suspend(() => through(held))
    )
  /** An end may be seen by a dial before it is told of. */
  const noticed = Effect.timeoutOption(
    Effect.suspend(() => Deferred.await(left)),
    noticeMs
  )
  return {
    dial: (held) =>
      Effect.catchIf(
        patient(held),
        ({ reason }) => reason._tag !== "carrier",
        (failed) => Effect.flatMap(noticed, (seen) => (Option.isNone(seen) ? Effect.fail(failed) : patient(held)))
      ),
    restarts: () => restarts,
    upSince: () => since
  }
})

/** Connects to a socket on this machine: a port of loopback or a path. Fails with `refused` when nobody listens. */
export const connectLocal = (to: NetConnectOpts, held: Held): ReturnType<Dialer> =>
  Effect.callback<Socket, EgressFailure>((resume) => {
    const socket = connectTo({ ...to, noDelay: true } as NetConnectOpts)
    held.socket = socket
    const onError = (cause: Error) => {
      const code = codeOf(cause)
      const gone = code === "ECONNREFUSED" || code === "ENOENT"
      resume(Effect.fail(failure({ _tag: gone ? "refused" : "reset" }, false, cause)))
    }
    socket.once("error", onError)
    socket.once("connect", () => {
      socket.off("error", onError)
      resume(Effect.succeed(socket))
    })
    return Effect.sync(() => discard(socket))
  })
