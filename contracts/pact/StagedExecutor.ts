/** Workers that do on command what an agent does in a turn, for states that no runtime's default worker can be brought to. */
import { Deferred, Effect, Exit, Stream } from "effect"
import type { Profile } from "../../src/domain/Profile.ts"
import { event, type WorkerEvent } from "../../src/domain/WorkerEvent.ts"
import { type RunFailure, WorkerExecutor } from "../../src/domain/WorkerExecutor.ts"

/** Inputs and what they bring about; any other is said back. */
export const stages = { tool: "/tool", think: "/think", fail: "/fail", ask: "/ask", wait: "/wait" } as const

export const permissionId = "permission-1"
const options = [
  { id: "yes", kind: "allow_once", name: "Yes" },
  { id: "no", kind: "reject_once", name: "No" }
]

const profile: Profile = {
  selector: { kind: "builtin", value: "staged" },
  label: "Staged",
  description: "Does what it is told."
}

const said = (text: string): WorkerEvent => event({ event: "text_done", data: { text } })

const tool: ReadonlyArray<WorkerEvent> = [
  event({ event: "tool_call_start", data: { id: "call-1", name: "look" } }),
  event({ event: "tool_call_args_delta", data: { id: "call-1", json: '{"path":' } }),
  event({ event: "tool_call_done", data: { id: "call-1", name: "look", arguments: { path: "x" } } }),
  event({ event: "tool_result", data: { id: "call-1", summary: "Found.", output: { n: 1 }, is_error: false } }),
  event({ event: "usage", data: { input_tokens: 12, output_tokens: 3 } }),
  said("found")
]

const thought: ReadonlyArray<WorkerEvent> = [
  event({ event: "thinking_delta", data: { text: "hm" } }),
  event({ event: "thinking_done", data: { text: "hm" } }),
  event({ event: "plan", data: { entries: [{ content: "Look", priority: "high", status: "in_progress" }] } }),
  said("done")
]

const failure: RunFailure = { code: "failed", message: "It could not be done." }

const asking = (answered: Deferred.Deferred<string>): Stream.Stream<WorkerEvent, RunFailure> =>
  Stream.concat(
    Stream.succeed(
      event({
        event: "permission_request",
        data: {
          id: permissionId,
          tool_call_id: "call-1",
          title: "Remove everything",
          options,
          expires_at: "2099-01-02T03:04:05.678Z"
        }
      })
    ),
    Stream.flatMap(Stream.fromEffect(Deferred.await(answered)), (option_id) =>
      Stream.make(
        event({ event: "permission_resolved", data: { id: permissionId, outcome: "selected", option_id } }),
        said(option_id)
      )
    )
  )

export const executor = WorkerExecutor.of({
  profiles: [profile],
  declarationKinds: new Set(),
  spawn: () =>
    Effect.sync(() => {
      let open: Deferred.Deferred<string> | undefined
      return {
        accept: ({ content }) =>
          Effect.sync((): Stream.Stream<WorkerEvent, RunFailure> => {
            switch (content.split(" ")[0]) {
              case stages.tool:
                return Stream.fromIterable(tool)
              case stages.think:
                return Stream.fromIterable(thought)
              case stages.fail:
                return Stream.fail(failure)
              case stages.wait:
                return Stream.never
              case stages.ask: {
                const answered = Deferred.makeUnsafe<string>()
                open = answered
                return asking(answered)
              }
              default:
                return Stream.make(event({ event: "text_delta", data: { text: content } }), said(content))
            }
          }),
        permit: (permission_id, option_id) =>
          Effect.sync(() => {
            const isOffered = permission_id === permissionId && options.some(({ id }) => id === option_id)
            if (open === undefined || !isOffered) return false
            return Deferred.doneUnsafe(open, Exit.succeed(option_id))
          })
      }
    })
})

/** Workers that are never ready; `asked` completes when the first one is being made. */
export const slow = () => {
  const asked = Deferred.makeUnsafe<void>()
  return {
    asked: Effect.runPromise(Deferred.await(asked)),
    executor: WorkerExecutor.of({
      profiles: [profile],
      declarationKinds: new Set(),
      spawn: () => Effect.andThen(Deferred.succeed(asked, undefined), Effect.never)
    })
  }
}
