/** Runs `builtin:echo`: says the input back in pieces. For trying things out; it never pretends to be an assistant. */
import { Effect, Layer, Stream } from "effect"
import * as Problem from "../../domain/Problem.ts"
import type { Profile } from "../../domain/Profile.ts"
import { event, type WorkerEvent } from "../../domain/WorkerEvent.ts"
import { WorkerExecutor } from "../../domain/WorkerExecutor.ts"

export const echoProfile: Profile = {
  selector: { kind: "builtin", value: "echo" },
  label: "Echo",
  description:
    "Repeats your input, piece by piece. No assistant answers here. Input that starts with “/wait 5000 ” is repeated after 5000 ms."
}

/** The longest wait that can be asked for, in milliseconds. */
export const maxWaitMs = 60_000

/** Pieces of one answer, at most: a long input comes back in larger pieces, not in more. */
const maxPieces = 64
const smallestPiece = 12
/** Between two pieces, so that a person can see the answer grow; a whole answer takes at most 64 of them. */
const pauseMs = 8

const wait = /^\/wait ([0-9]{1,9}) /

const pieces = (text: string): ReadonlyArray<string> => {
  const characters = Array.from(text)
  const size = Math.max(smallestPiece, Math.ceil(characters.length / maxPieces))
  const result: Array<string> = []
  for (let at = 0; at < characters.length; at += size) result.push(characters.slice(at, at + size).join(""))
  return result
}

const answer = (text: string): Stream.Stream<WorkerEvent> =>
  Stream.fromIterable(pieces(text)).pipe(
    Stream.mapEffect((piece, index) =>
      Effect.as(
        index === 0 ? Effect.void : Effect.sleep(pauseMs),
        event({ event: "text_delta", data: { text: piece } })
      )
    ),
    Stream.concat(Stream.succeed(event({ event: "text_done", data: { text } })))
  )

export const executor = WorkerExecutor.of({
  profiles: [echoProfile],
  declarationKinds: new Set(),
  spawn: () =>
    Effect.succeed({
      accept: (input) => {
        if (input.kind === "system") return Effect.succeed(Stream.empty)
        const match = wait.exec(input.content)
        if (match === null) return Effect.succeed(answer(input.content))
        const ms = Number(match[1])
        if (ms > maxWaitMs) {
          return Problem.fail("worker_execution_rejected", `Echo waits at most ${maxWaitMs} ms.`, { max: maxWaitMs })
        }
        const rest = input.content.slice(match[0].length)
        return Effect.succeed(Stream.fromEffect(Effect.sleep(ms)).pipe(Stream.flatMap(() => answer(rest))))
      }
    })
})

export const layer = Layer.succeed(WorkerExecutor, executor)
