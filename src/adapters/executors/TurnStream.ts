/** The stream of one turn, written by an effect that lives as long as somebody reads. */
import { type Cause, Effect, Queue, type Scope, Stream } from "effect"
import type { WorkerEvent } from "../../domain/WorkerEvent.ts"
import type { RunFailure } from "../../domain/WorkerExecutor.ts"

export type TurnQueue = Queue.Queue<WorkerEvent, RunFailure | Cause.Done>

/** Events between the writer and the store: the writer waits for the store. */
const bufferSize = 16

/** Between two looks at what a program said, in milliseconds: one that writes all the time makes 100 looks a second. */
export const paceMs = 10

/** A failure of the writer comes after all that it wrote. Interrupting the stream interrupts the writer. */
export const written = <R>(
  write: (queue: TurnQueue) => Effect.Effect<void, RunFailure, R | Scope.Scope>
): Stream.Stream<WorkerEvent, RunFailure, Exclude<R, Scope.Scope>> =>
  Stream.callback<WorkerEvent, RunFailure, R | Scope.Scope>(
    (queue) =>
      write(queue).pipe(
        Effect.matchCauseEffect({
          onFailure: (cause) => Queue.failCause(queue, cause),
          onSuccess: () => Queue.end(queue)
        })
      ),
    { bufferSize, strategy: "suspend" }
  ) as Stream.Stream<WorkerEvent, RunFailure, Exclude<R, Scope.Scope>>
