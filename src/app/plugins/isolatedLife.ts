/** One life of a plugin's host, from its start to the moment when it is of no use any more. */
import { Cause, Deferred, Effect, Layer, Option, Redacted, Scope, Stream } from "effect"
import * as RpcClient from "effect/rpc/RpcClient"
import * as RpcServer from "effect/rpc/RpcServer"
import { problemOf } from "../../adapters/rpc/HostFailure.ts"
import {
  BackendRpcs,
  backendChannel,
  type Facts,
  hostChannel,
  HostRpcs,
  type Opening,
  type ReachNews
} from "../../adapters/rpc/HostRpcs.ts"
import * as Pipe from "../../adapters/rpc/Pipe.ts"
import * as PipeClient from "../../adapters/rpc/PipeClient.ts"
import * as PipeServer from "../../adapters/rpc/PipeServer.ts"
import * as RpcSource from "../../adapters/rpc/RpcSource.ts"
import type * as Problem from "../../domain/Problem.ts"
import type { Primitives } from "../../domain/RuntimeSource.ts"
import { type Unresolvable, unresolvable } from "../../domain/SecretResolver.ts"
import type { IsolatedPlugin } from "./Isolation.ts"
import type { Bounds } from "./isolatedBounds.ts"
import * as Launch from "./isolatedLaunch.ts"
import type { Output } from "./isolatedOutput.ts"
import { NotLoaded } from "./PluginFile.ts"

type Secret = Effect.Effect<Redacted.Redacted, Unresolvable>

/** What the host may ask the backend for on a channel. */
export interface Granted {
  readonly token: Secret | undefined
  readonly secret: (ref: string) => Secret
}

/** A connection as it is opened in each life anew. */
export interface Wanted {
  readonly channel: number
  readonly opening: Opening
}

export type End = Launch.Cause | "unresponsive" | "garbled" | "text_too_long"

export interface Life {
  readonly facts: ReadonlyArray<Facts>
  readonly pid: number | undefined
  readonly end: Effect.Effect<End>
  /** The connection's source, opened when it is asked for first. */
  readonly source: (wanted: Wanted) => Effect.Effect<Required<Primitives>, Problem.Problem>
  readonly reach: (wanted: Wanted) => Stream.Stream<ReachNews, Problem.Problem>
  readonly close: (channel: number) => Effect.Effect<void>
  readonly openScheme: (
    channel: number,
    scheme: string
  ) => Effect.Effect<{ readonly selective: boolean }, Problem.Problem>
  readonly resolve: (channel: number, rest: string) => Effect.Effect<Redacted.Redacted<string>, Problem.Problem>
}

const sentences: Readonly<Record<End, string>> = {
  not_started: "Its process could not be started.",
  memory: "It used more memory than it may while it was loaded.",
  processes: "It started more processes than it may while it was loaded.",
  exited: "It ended its process while it was loaded.",
  threw: "It broke off its thread while it was loaded.",
  unresponsive: "It did not answer while it was loaded.",
  garbled: "It said something while it was loaded that no plugin's host says.",
  text_too_long: "It said more at once while it was loaded than a plugin's host may.",
  unknown: "It closed its connection to the backend while it was loaded."
}

const isRefusal = (error: unknown): error is { readonly reason: string; readonly sentence: string } =>
  typeof error === "object" && error !== null && "sentence" in error

const withSecret = (output: Output) => (secret: Redacted.Redacted) =>
  Effect.sync(() => {
    const value = Redacted.value(secret)
    output.hide(value)
    return value
  })

/** Ends with the scope. */
export const start = Effect.fnUntraced(function* (
  plugin: Pick<IsolatedPlugin, "file" | "level" | "options" | "egress">,
  bounds: Bounds,
  grants: ReadonlyMap<number, Granted>,
  output: Output
): Effect.fn.Return<Life, NotLoaded, Scope.Scope> {
  const scope = yield* Effect.scope
  const launched = yield* Launch.launch(plugin.level, { ...bounds, follow: output.follow })
  const pipe = Pipe.make(launched.wire)
  yield* Effect.addFinalizer(() => Effect.sync(() => pipe.end("closed")))
  const told = withSecret(output)
  yield* Layer.build(
    RpcServer.layer(BackendRpcs, { disableFatalDefects: true, disableTracing: true }).pipe(
      Layer.provide(
        BackendRpcs.toLayer({
          token: ({ channel }) =>
            Effect.flatMap(grants.get(channel)?.token ?? Effect.fail(unresolvable("not_granted")), told),
          secret: ({ channel, ref }) =>
            Effect.flatMap(grants.get(channel)?.secret(ref) ?? Effect.fail(unresolvable("not_granted")), told)
        })
      ),
      Layer.provide(PipeServer.layer(pipe, backendChannel))
    )
  )
  const over = PipeClient.make(pipe, hostChannel)
  const reader = Effect.flatMap(over.open, (protocol) =>
    Effect.provideService(RpcClient.make(HostRpcs, { disableTracing: true }), RpcClient.Protocol, protocol)
  )
  const host = yield* reader
  const gone: Effect.Effect<End> = Effect.flatMap(pipe.ended, (why) =>
    why === "closed" ? launched.cause : Effect.succeed(why)
  )
  const facts = yield* host
    .load({ file: plugin.file, settings: plugin.options as Readonly<Record<string, never>>, policy: plugin.egress })
    .pipe(
      Effect.catchCause((cause) => {
        const error = Option.getOrUndefined(Cause.findErrorOption(cause))
        if (isRefusal(error)) return Effect.fail(new NotLoaded(error))
        if (!pipe.hasEnded()) pipe.end("garbled")
        return Effect.flatMap(gone, (end) => Effect.fail(new NotLoaded({ reason: end, sentence: sentences[end] })))
      }),
      Effect.timeoutOrElse({
        duration: bounds.startMs,
        orElse: () =>
          Effect.fail(
            new NotLoaded({ reason: "timeout", sentence: `It was not ready within ${bounds.startMs / 1_000} s.` })
          )
      })
    )
  const answers = Effect.map(
    Effect.timeoutOption(
      Effect.catchCause(host.ping(), () => Effect.never),
      bounds.pingMs
    ),
    Option.isSome
  )
  const silent: Effect.Effect<End> = Effect.gen(function* () {
    for (;;) {
      yield* Effect.sleep(bounds.pingEveryMs)
      if (!(yield* answers) && !(yield* answers)) return "unresponsive" as const
    }
  })
  const asked = <A, E>(call: Effect.Effect<A, E>) =>
    Effect.catchCause(call, (cause) => Effect.fail(problemOf(cause as Cause.Cause<never>, false)))
  const open = new Map<number, Deferred.Deferred<Required<Primitives>, Problem.Problem>>()
  const opened = ({ channel, opening }: Wanted) =>
    Effect.gen(function* () {
      yield* asked(host.open({ channel, opening }))
      return yield* RpcSource.make(pipe, channel)
    }).pipe(Scope.provide(scope))
  return {
    facts,
    pid: launched.pid,
    end: Effect.raceFirst(gone, silent),
    source: (wanted) =>
      Effect.suspend(() => {
        const known = open.get(wanted.channel)
        if (known !== undefined) return Deferred.await(known)
        const made = Deferred.makeUnsafe<Required<Primitives>, Problem.Problem>()
        open.set(wanted.channel, made)
        return opened(wanted).pipe(
          // What cannot be opened now may be later: a secret that is set, a system that is back.
          Effect.onError(() => Effect.sync(() => open.delete(wanted.channel))),
          Deferred.into(made),
          Effect.forkIn(scope),
          Effect.andThen(Deferred.await(made))
        )
      }),
    reach: (wanted) =>
      Stream.catchCause(Stream.unwrap(Effect.map(reader, (own) => own.reach(wanted))), (cause) =>
        Stream.fail(problemOf(cause, false))
      ),
    close: (channel) =>
      Effect.suspend(() => {
        if (!open.delete(channel)) return Effect.void
        pipe.ignore(channel)
        return Effect.ignoreCause(host.close({ channel }))
      }),
    openScheme: (channel, scheme) => asked(host.openScheme({ channel, scheme })),
    resolve: (channel, rest) =>
      Effect.map(asked(host.resolve({ channel, rest })), (it) => {
        output.hide(it)
        return Redacted.make(it)
      })
  }
})
