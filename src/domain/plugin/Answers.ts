/** What a plugin answers is looked at before anybody relies on it: a wrong shape is the plugin's failure, and not a crash. */
import { Effect, Schema } from "effect"
import { fieldErrors } from "../api/FieldErrors.ts"
import { ConfigBundleSummary } from "../ConfigBundle.ts"
import { FrameSchema } from "../FrameSchema.ts"
import { Profile } from "../Profile.ts"
import type * as Problem from "../Problem.ts"
import { Capabilities } from "../Runtime.ts"
import type { BundleAvailability, SourceFrame } from "../RuntimeSource.ts"
import { TranscriptPage } from "../Transcript.ts"
import {
  type Ack,
  ConfigBundleReference,
  type InputAck,
  type Replayable,
  Worker,
  type WorkerPage,
  WorkerState
} from "../Worker.ts"
import type { SourceDescription } from "./Definition.ts"
import * as SafeProblem from "./SafeProblem.ts"

/** Passes an answer on without what is not part of it, or says that it is none. */
export type Check<A> = (answer: A) => Effect.Effect<A, Problem.Problem>

/** Places are told where their names are ours and not the plugin's. */
const place = /^(\/[a-z_]{1,32}|\/[0-9]{1,6})*$/

const check = <A>(schema: Schema.Codec<A, unknown>): Check<A> => {
  const decode = Schema.decodeUnknownEffect(schema, { errors: "all" })
  return (answer) =>
    Effect.catch(decode(answer), ({ issue }) => {
      const places = fieldErrors(issue).flatMap(({ code, pointer }) =>
        place.test(pointer) ? [`${pointer} ${code}`] : []
      )
      return Effect.logWarning("A plugin's answer has the wrong shape").pipe(
        Effect.annotateLogs({ places: places.join(", ") }),
        Effect.andThen(Effect.fail(SafeProblem.failed("answer")))
      )
    })
}

/** Encoded and decoded form are the same for all of them. */
const same = <A>(schema: Schema.Top) => schema as unknown as Schema.Codec<A, unknown>

export const description = check<SourceDescription>(
  same(
    Schema.Struct({
      runtime_id: Schema.optionalKey(Schema.String),
      display_name: Schema.optionalKey(Schema.NullOr(Schema.String)),
      status: Schema.optionalKey(Schema.Literals(["running", "stopped"])),
      capabilities: Schema.optionalKey(Schema.UndefinedOr(Capabilities)),
      worker_count: Schema.optionalKey(Schema.Int),
      worker_creation_available: Schema.optionalKey(Schema.Boolean),
      profiles: Schema.optionalKey(Schema.Array(Profile)),
      max_transcript_items: Schema.optionalKey(Schema.Int),
      version: Schema.optionalKey(Schema.String),
      epoch: Schema.optionalKey(Schema.String)
    })
  )
)

export const worker = check<Worker>(same(Worker))

export const page = check<WorkerPage>(
  same(Schema.Struct({ items: Schema.Array(Worker), next_cursor: Schema.NullOr(Schema.String) }))
)

const replayable = (answer: Schema.Top) => Schema.Struct({ answer, replayed: Schema.Boolean })

export const created = check<Replayable<Worker>>(same(replayable(Worker)))

const ackFields = { runtime_id: Schema.String, worker_id: Schema.String, state: WorkerState, event_id: Schema.Int }

export const ack = check<Replayable<Ack>>(same(replayable(Schema.Struct(ackFields))))

export const inputAck = check<Replayable<InputAck>>(
  same(
    replayable(
      Schema.Struct({
        ...ackFields,
        transcript_sequence: Schema.Int,
        queued: Schema.optionalKey(Schema.Struct({ input_id: Schema.String, position: Schema.Int }))
      })
    )
  )
)

export const transcript = check<TranscriptPage>(same(TranscriptPage))

export const bundles = check<ReadonlyArray<ConfigBundleSummary>>(same(Schema.Array(ConfigBundleSummary)))

export const availability = check<BundleAvailability>(
  same(Schema.Struct({ reference: ConfigBundleReference, summary: ConfigBundleSummary }))
)

/** What a stream has at once. */
export const frames = check<readonly [SourceFrame, ...Array<SourceFrame>]>(same(Schema.NonEmptyArray(FrameSchema)))
