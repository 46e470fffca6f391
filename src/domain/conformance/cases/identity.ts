/** The source and its runtime say who they are, and say it everywhere in the same way. */
import { Effect, Schema } from "effect"
import { RuntimeId } from "../../Identifiers.ts"
import { Profile } from "../../Profile.ts"
import { Capabilities } from "../../Runtime.ts"
import { Worker } from "../../Worker.ts"
import { user } from "../Bench.ts"
import type { Case } from "../Case.ts"
import { same, that } from "../Expect.ts"

const nonBlank = Schema.String.check(Schema.isPattern(/\S/))
const count = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))

const Description = Schema.Struct({
  runtime_id: nonBlank,
  display_name: Schema.NullOr(Schema.String),
  status: Schema.Literals(["running", "stopped"]),
  capabilities: Schema.UndefinedOr(Capabilities),
  worker_count: count,
  worker_creation_available: Schema.Boolean,
  profiles: Schema.Array(Profile),
  max_transcript_items: Schema.Int.check(Schema.isGreaterThanOrEqualTo(1)),
  version: Schema.optionalKey(nonBlank),
  epoch: Schema.optionalKey(nonBlank)
})

const isDescription = Schema.is(Description)
const isWorker = Schema.is(Worker)
const isRuntimeId = Schema.is(RuntimeId)

export const cases: ReadonlyArray<Case> = [
  {
    id: "identity.alias",
    tier: "core",
    needs: [],
    sentence: "A source has an alias of the one grammar, a kind and a name.",
    run: Effect.fnUntraced(function* ({ source }) {
      yield* that(isRuntimeId(source.id), "The alias does not follow the grammar of ids")
      yield* that(/\S/.test(source.kind) && /\S/.test(source.display_name), "The kind or the display name is blank")
    })
  },
  {
    id: "identity.description",
    tier: "core",
    needs: [],
    sentence: "A runtime describes itself completely, and as the same runtime each time.",
    run: Effect.fnUntraced(function* ({ described, source }) {
      yield* that(isDescription(described), "The description does not have the shape of one")
      const again = yield* source.describe
      yield* same(again.runtime_id, described.runtime_id, "runtime_id of the second description")
      yield* same(again.epoch, described.epoch, "epoch of the second description")
    })
  },
  {
    id: "identity.creation",
    tier: "core",
    needs: ["workers.create"],
    sentence: "A runtime that says that workers can be created names the profiles that it has.",
    run: Effect.fnUntraced(function* ({ described }) {
      const { capabilities, profiles, worker_creation_available } = described
      if (capabilities === undefined) return
      yield* that(worker_creation_available, "Creation is declared and not available")
      yield* that(profiles.length > 0, "Creation is declared and no profile is named")
    })
  },
  {
    id: "identity.answers",
    tier: "core",
    needs: ["workers.create", "workers.input", "workers.stop"],
    sentence: "Every answer carries the alias of the source and the worker that was asked about.",
    run: Effect.fnUntraced(function* (bench) {
      const { source } = bench
      const { runtime_id, worker_id } = yield* bench.worker()
      const said = (yield* source.input(worker_id, user("who"), {})).answer
      const found = yield* source.get(worker_id)
      const ended = (yield* source.stop(worker_id, undefined, {})).answer
      const listed = (yield* source.list({})).items
      yield* that(isWorker(found), "The worker does not have the shape of one")
      yield* same(runtime_id, source.id, "runtime_id of the created worker")
      for (const [name, answer] of Object.entries({ input: said, get: found, stop: ended })) {
        yield* same([answer.runtime_id, answer.worker_id], [source.id, worker_id], `Ids in the answer of ${name}`)
      }
      const foreign = listed.filter((it) => it.runtime_id !== source.id)
      yield* same(foreign.length, 0, "Listed workers of another runtime")
    })
  },
  {
    id: "identity.connections",
    tier: "core",
    needs: ["workers.create"],
    sentence: "What is done over one connection is there over another.",
    run: Effect.fnUntraced(function* (bench) {
      const { worker_id } = yield* bench.worker()
      const other = yield* bench.subject.connect
      yield* same((yield* other.get(worker_id)).worker_id, worker_id, "The worker over the other connection")
      yield* same(
        (yield* other.describe).runtime_id,
        bench.described.runtime_id,
        "runtime_id over the other connection"
      )
    })
  }
]
