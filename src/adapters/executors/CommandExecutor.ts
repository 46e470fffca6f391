/** Runs a program for a worker: one fixed command line without a shell, input on standard input, output as text. */
import { Effect, Exit, Scope, Stream } from "effect"
import * as Problem from "../../domain/Problem.ts"
import { type CommandProfile, toProfile } from "../../domain/ProfileDeclaration.ts"
import { SecretResolver } from "../../domain/SecretResolver.ts"
import type { RunFailure, SpawnRequest, WorkerExecutor, WorkerSession } from "../../domain/WorkerExecutor.ts"
import * as ChildGroup from "./ChildGroup.ts"
import { calm, type Running, talk } from "./CommandTurn.ts"
import * as IdleEnd from "./IdleEnd.ts"
import { TextTap } from "./TextTap.ts"
import { written } from "./TurnStream.ts"
import * as Workplace from "./Workplace.ts"

const refused = (failure: RunFailure) => Problem.make("execution_backend_unavailable", failure.message)

type Prepare = Effect.Effect<ChildGroup.Launch, Problem.Problem<"execution_backend_unavailable">>

const start = Effect.fnUntraced(function* (declared: CommandProfile, launch: ChildGroup.Launch) {
  const group = yield* ChildGroup.launch(launch)
  const tap = new TextTap(declared.limits)
  const { hear } = group.lastWords
  tap.attach(group.child.stdout, { show: true, hear })
  tap.attach(group.child.stderr, { show: declared.stderr === "show", hear })
  return { group, tap } satisfies Running
})

/** Every input is a run of the program of its own. */
const perTurn = (declared: CommandProfile, prepare: Prepare): WorkerSession => ({
  accept: (input) =>
    Effect.succeed(
      input.kind === "system"
        ? Stream.empty
        : written((queue) =>
            Effect.gen(function* () {
              const launch = yield* Effect.mapError(prepare, ({ _tag, message }) => ({ code: _tag, message }))
              yield* talk(queue, yield* start(declared, launch), declared, input.content)
            }).pipe(Effect.scoped)
          )
    )
})

/** One program for all inputs. One that has ended, by itself or by a limit, is started again for the next input. */
const lasting = Effect.fnUntraced(function* (declared: CommandProfile, prepare: Prepare) {
  const scope = yield* Scope.Scope
  const idle = yield* IdleEnd.make
  let current: { readonly running: Running; readonly scope: Scope.Closeable } | undefined

  const bring = Effect.fnUntraced(function* () {
    const own = yield* Scope.fork(scope)
    const launch = yield* Effect.mapError(prepare, ({ _tag, message }) => ({ code: _tag, message }))
    const running = yield* Scope.provide(start(declared, launch), own)
    current = { running, scope: own }
    yield* Effect.forkIn(
      Effect.flatMap(running.group.ended, (ended) => {
        if (current?.running !== running) return Effect.void
        idle.tell(running.group.crash(ended))
        return idle.isIdle() ? drop : Effect.void
      }),
      scope
    )
    return running
  }, Effect.uninterruptible)

  const drop = Effect.suspend(() => {
    const last = current
    current = undefined
    idle.known()
    return last === undefined ? Effect.void : Scope.close(last.scope, Exit.void)
  })

  yield* Effect.mapError(bring(), refused)
  const session: WorkerSession = {
    ended: idle.ended,
    accept: (input) =>
      Effect.succeed(
        input.kind === "system"
          ? Stream.empty
          : written((queue) =>
              Effect.gen(function* () {
                if (current?.running.group.hasEnded() === true) yield* drop
                const running = current?.running ?? (yield* bring())
                const over = yield* talk(queue, running, declared, input.content).pipe(
                  Effect.onInterrupt(() => Effect.flatMap(calm(running, declared), (is) => (is ? Effect.void : drop))),
                  Effect.onError((cause) => (cause.reasons.some((it) => it._tag === "Fail") ? drop : Effect.void))
                )
                if (over === "program") yield* drop
              }).pipe(idle.turn)
            )
      )
  }
  return session
})

/** @param around what programs may get some of */
export const make = Effect.fnUntraced(function* (declared: CommandProfile, around: Workplace.Surroundings) {
  const secrets = yield* SecretResolver
  return {
    profiles: [toProfile(declared, Workplace.obstacle(declared, around))],
    declarationKinds: new Set<string>(),
    spawn: Effect.fnUntraced(function* ({ resume, worker_id }: SpawnRequest) {
      const prepare = Workplace.prepare(declared, worker_id, around).pipe(
        Effect.provideService(SecretResolver, secrets)
      )
      if (declared.mode === "turn") {
        // Refused now rather than in the first turn.
        yield* prepare
        return perTurn(declared, prepare)
      }
      if (resume !== undefined) {
        return yield* Problem.make(
          "execution_backend_unavailable",
          "The program ended with the runtime's earlier process, and what it knew is gone."
        )
      }
      return yield* lasting(declared, prepare)
    })
  } satisfies WorkerExecutor["Service"]
})
