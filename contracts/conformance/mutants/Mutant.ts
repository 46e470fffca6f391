/** A good source with one bug, and the case that must notice it. */
import { Effect, Stream } from "effect"
import type { Source, Subject } from "../../../src/domain/conformance/Conformance.ts"
import type { WorkerId } from "../../../src/domain/Identifiers.ts"
import * as Problem from "../../../src/domain/Problem.ts"
import type { SourceFrame } from "../../../src/domain/RuntimeSource.ts"

export interface Mutant {
  /** The bug in one sentence. */
  readonly bug: string
  readonly caughtBy: string
  /** Set when nothing ever comes of it: the case gets so many milliseconds, and being too late is what it must say. */
  readonly hangsMs?: number
  readonly mutate: (subject: Subject) => Subject
}

/** Time for a mutant that hangs: the healthy case needs a tenth of it. */
export const hangs = 400

type Frames = Stream.Stream<SourceFrame, Problem.Problem>

/** Changes members of the source. What `change` keeps to itself lives as long as one connection. */
export const onSource =
  (change: (source: Source) => Partial<Source>) =>
  (subject: Subject): Subject => ({
    ...subject,
    connect: Effect.map(subject.connect, (source) => ({ ...source, ...change(source) }))
  })

export interface Asked {
  readonly source: Source
  readonly worker_id: WorkerId
  readonly cursor: string | undefined
}

/** Changes what becomes of every event stream. */
export const onEvents = (change: (frames: Frames, asked: Asked) => Frames) =>
  onSource((source) => ({
    events: (worker_id, cursor) => change(source.events(worker_id, cursor), { source, worker_id, cursor })
  }))

/** Changes frame by frame; what `change` keeps to itself lives as long as one stream. */
export const onFrames = (change: (asked: Asked) => (frame: SourceFrame) => ReadonlyArray<SourceFrame>) =>
  onEvents((frames, asked) =>
    Stream.suspend(() => {
      const each = change(asked)
      return Stream.flatMap(Stream.rechunk(frames, 1), (frame) => Stream.fromArray(each(frame)))
    })
  )

/** Another problem in place of the one with this code, about the same. */
export const told =
  (from: Problem.Code, to: Problem.Code, detail?: string) =>
  (problem: Problem.Problem): Problem.Problem =>
    problem._tag === from ? Problem.make(to, detail, problem.context) : problem

/** A problem as the source would tell it about itself. */
export const problem = (
  source: Source,
  operation: string,
  code: Problem.Code,
  context: Problem.Context = {},
  detail?: string
) => Problem.make(code, detail, { ...context, runtime_id: source.id, operation })
