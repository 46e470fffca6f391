/** Runs an agent that speaks the Agent Client Protocol on its standard input and output, one process per worker. */
import { Effect, Exit, Scope, Stream } from "effect"
import * as Problem from "../../domain/Problem.ts"
import { type AcpProfile, toProfile } from "../../domain/ProfileDeclaration.ts"
import { SecretResolver } from "../../domain/SecretResolver.ts"
import type { RunFailure, SpawnRequest, WorkerExecutor, WorkerSession } from "../../domain/WorkerExecutor.ts"
import * as AcpAgent from "./AcpAgent.ts"
import { talk } from "./AcpTurn.ts"
import * as IdleEnd from "./IdleEnd.ts"
import { written } from "./TurnStream.ts"
import * as Workplace from "./Workplace.ts"

const refused = (failure: RunFailure) => Problem.make("execution_backend_unavailable", failure.message)

const unresumable: RunFailure = {
  code: "agent_cannot_resume",
  message: "Nothing is known that would bring the agent's session back."
}

/** @param around what agents may get some of */
export const make = Effect.fnUntraced(function* (declared: AcpProfile, around: Workplace.Surroundings) {
  const secrets = yield* SecretResolver
  const spawn = Effect.fnUntraced(function* ({ resume, worker_id }: SpawnRequest) {
    const scope = yield* Scope.Scope
    const idle = yield* IdleEnd.make
    let current: { readonly agent: AcpAgent.AcpAgent; readonly scope: Scope.Closeable } | undefined

    /** Starts the agent; nothing of one that did not get ready stays. */
    const bring = Effect.fnUntraced(function* (session_id: string | undefined) {
      const launch = yield* Workplace.prepare(declared, worker_id, around).pipe(
        Effect.provideService(SecretResolver, secrets),
        Effect.mapError(({ _tag, message }): RunFailure => ({ code: _tag, message }))
      )
      const own = yield* Scope.fork(scope)
      const agent = yield* Scope.provide(AcpAgent.start(declared, launch, session_id), own).pipe(
        Effect.onError(() => Scope.close(own, Exit.void))
      )
      current = { agent, scope: own }
      yield* Effect.forkIn(
        Effect.catch(agent.broken, (failure) => {
          if (current?.agent !== agent) return Effect.void
          idle.tell(failure)
          // One that broke off without ending is ended; within a turn the turn does it.
          return idle.isIdle() ? drop : Effect.void
        }),
        scope
      )
      return agent
    })

    const drop = Effect.suspend(() => {
      const last = current
      current = undefined
      idle.known()
      return last === undefined ? Effect.void : Scope.close(last.scope, Exit.void)
    })

    if (resume !== undefined && resume.backend_id === undefined) return yield* refused(unresumable)
    const { session_id } = yield* Effect.mapError(bring(resume?.backend_id), refused)
    const session: WorkerSession = {
      backend_id: session_id,
      ended: idle.ended,
      accept: (input) =>
        Effect.succeed(
          input.kind === "system"
            ? Stream.empty
            : written((queue) =>
                Effect.gen(function* () {
                  // One that has ended since the last turn is started again where it can take the session up.
                  if (current?.agent.isBroken() === true) yield* drop
                  const agent = current?.agent ?? (yield* bring(session_id))
                  yield* talk(queue, agent, declared, input.content, drop)
                }).pipe(idle.turn)
              )
        ),
      permit: (permission_id, option_id) =>
        Effect.sync(() => current?.agent.permissions.answer(permission_id, option_id) === true)
    }
    return session
  })
  return {
    profiles: [toProfile(declared, Workplace.obstacle(declared, around))],
    declarationKinds: new Set<string>(),
    spawn
  } satisfies WorkerExecutor["Service"]
})
