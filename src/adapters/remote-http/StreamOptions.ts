/** What the readers of a worker's event stream get to work with, whichever dialect the runtime speaks. */
import type { Effect } from "effect"
import type { WorkerId } from "../../domain/Identifiers.ts"
import type * as Problem from "../../domain/Problem.ts"
import type { TranscriptPage } from "../../domain/Transcript.ts"
import type { Worker } from "../../domain/Worker.ts"
import type * as RemoteCall from "./RemoteCall.ts"

export interface Options {
  readonly line: RemoteCall.Line
  readonly worker_id: WorkerId
  /** Of an earlier frame of this adapter. */
  readonly cursor: string | undefined
  readonly path: (cursor: string | undefined) => string
  /** The worker as the runtime tells it now. */
  readonly worker: Effect.Effect<Worker, Problem.Problem>
  /** Whether the runtime shows itself to be one of field v1: then the worker is read before the socket is opened, too. */
  readonly field: boolean
  /** A page of the transcript, as many items as the runtime gives. */
  readonly transcript: (start: number) => Effect.Effect<TranscriptPage, Problem.Problem>
}

/** The open socket: text frames in order, and problems instead of close codes. */
export interface Feed {
  readonly take: Effect.Effect<ReadonlyArray<string>, Problem.Problem>
}
