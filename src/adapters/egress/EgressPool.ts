/** The kept-alive connections of one target. Every one of them comes out of `EgressDial`. */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberSet from "effect/FiberSet"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import type { buildConnector } from "undici"
import { EgressDeadlines } from "./EgressDeadlines.ts"
import { dial } from "./EgressDial.ts"
import { failure } from "./EgressFailure.ts"
import type { Address, Target, Waiting } from "./EgressTarget.ts"

/** Most connections to one target; further calls wait for one until their deadline. */
export const MAX_CONNECTIONS = 128

/** Largest body that any request may ask for, in bytes. */
export const MAX_RESPONSE_BYTES_CEILING = 64 * 1024 * 1024

/** Largest response head, in bytes. */
export const MAX_RESPONSE_HEAD_BYTES = 16 * 1024

/** Idle time after which a connection is closed, in milliseconds: below the 5 s at which Node's servers close theirs. */
const KEEP_ALIVE_MS = 4_000

/** Longest idle time that a server's Keep-Alive header can ask for, in milliseconds. */
const KEEP_ALIVE_MAX_MS = 60_000

export interface PoolTimeouts {
  /** From the request to the complete response head, in milliseconds. */
  readonly headers_timeout_ms: number
  /** Between two pieces of a body, in milliseconds. */
  readonly body_idle_timeout_ms: number
}

/** perf.md, section 6: undici's own defaults are an hour and never. */
export const defaultTimeouts: PoolTimeouts = { headers_timeout_ms: 10_000, body_idle_timeout_ms: 10_000 }

/** Loaded with the first target: a program that calls nobody does without it. */
const undici = Effect.promise(() => import("undici/lib/dispatcher/pool.js"))

/** Opens a pool that lives as long as the scope; its end aborts what runs and closes every connection. */
export const open = Effect.fnUntraced(function* (
  address: Address,
  timeouts: PoolTimeouts
): Effect.fn.Return<Target, never, Scope.Scope> {
  const { default: Pool } = yield* undici
  const run = yield* FiberSet.makeRuntime<never>()
  const connect: buildConnector.connector = (_options, callback) => {
    run(dial(address)).addObserver((exit) => {
      if (Exit.isSuccess(exit)) callback(null, exit.value)
      else callback(Cause.squash(exit.cause) as Error, null)
    })
  }
  const pool = yield* Effect.acquireRelease(
    Effect.sync(
      () =>
        new Pool(Redacted.value(address.peer).origin, {
          connections: MAX_CONNECTIONS,
          pipelining: 1,
          allowH2: false,
          connect,
          headersTimeout: timeouts.headers_timeout_ms,
          bodyTimeout: timeouts.body_idle_timeout_ms,
          keepAliveTimeout: KEEP_ALIVE_MS,
          keepAliveMaxTimeout: KEEP_ALIVE_MAX_MS,
          maxHeaderSize: MAX_RESPONSE_HEAD_BYTES,
          maxResponseSize: MAX_RESPONSE_BYTES_CEILING,
          strictContentLength: true
        })
    ),
    (pool) => Effect.promise(() => pool.destroy(failure({ _tag: "closed" }, true)))
  )
  const deadlines = new EgressDeadlines(yield* Clock.Clock, run)
  const waiting = new Set<Waiting>()
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      // Before the pool goes: each call that it fails would start the next one, a thousand deep.
      for (const call of waiting) call.close()
    })
  )
  return { ...address, connections: Redacted.make({ pool, deadlines, running: 0, waiting }, { label: "connections" }) }
})
