/** The kit catches the planted bugs through the isolated path as well: nothing on the way hides what a plugin does wrong. */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { Effect, Exit, Scope } from "effect"
import { cases, single, type Subject } from "../../src/domain/conformance/Conformance.ts"
import { open } from "../../src/domain/conformance/Run.ts"
import * as Laboratory from "../conformance/Laboratory.ts"
import { mutants } from "../conformance/mutants.ts"
import * as IsolationWorld from "./IsolationWorld.ts"

/** Enough for any case that does not hang, on a machine with other things to do. */
const deadlineMs = 15_000

/** What a plugin does wrong here, its caller never sees: the backend makes it good. */
const mended: ReadonlySet<string> = new Set([
  "the alias is no id",
  "workers answered under the runtime's own id",
  "listed workers under the runtime's own id",
  "a problem that does not say which runtime it is about",
  "a problem without a message",
  "a URL in a problem",
  "an IP address in a problem",
  "a folder in a problem",
  "a stack in a problem",
  "the cause of a problem goes along with it",
  "the token in a problem",
  "the address of a runtime that is not there",
  "the refused token in the refusal",
  "the token on the source",
  "a validation error that repeats the value",
  "a waiting stream does not notice that its reader is gone"
])

/** Their window is one turn of the event loop, which two calls across a wire meet only now and then. */
const raced: ReadonlySet<string> = new Set([
  "ids from the clock: two creations at once are one worker",
  "a key that is only known once its command is done",
  "a caller that went away comes back under another key",
  "an ack before the disk: the last input is gone after a restart",
  "an interrupted call takes the source with it"
])

/** Fewer than these would not be proof of much. */
const leastCaught = 100

const run = <A, E>(effect: Effect.Effect<A, E>) => Effect.runPromise(effect)

describe("the mutants in a process of their own", () => {
  const scope = Scope.makeUnsafe()
  let world: Effect.Success<ReturnType<typeof IsolationWorld.world>>
  beforeAll(async () => {
    world = await run(Scope.provide(IsolationWorld.world("process", {}, IsolationWorld.brokenFixture), scope))
  })
  afterAll(() => run(Scope.close(scope, Exit.void)))

  /** All of them in one host, which plants the bug that the connection names. */
  const subjectOf = (bug: number): Subject => {
    const to = (way: string) => world.connect("broken-1", "broken", { bug, way })
    const control = (name: string) =>
      Effect.gen(function* () {
        const source = yield* to("good")
        return (yield* Effect.flip(source.bundleAvailability(`control:${name}`, undefined))).context.max ?? 0
      }).pipe(Effect.scoped, Effect.orDie)
    return {
      name: `mutant ${bug}`,
      connect: to("good"),
      credential: { kind: "token", bad: to("bad") },
      hidden: [
        Laboratory.hidden("the token", Laboratory.token),
        Laboratory.hidden("the wrong token", Laboratory.wrongToken),
        Laboratory.hidden("the address", Laboratory.address)
      ],
      hold: Laboratory.hold,
      ask: Laboratory.ask,
      unreachable: to("unreachable"),
      cut: control("cut"),
      restart: control("restart"),
      openStreams: control("streams"),
      expire: Laboratory.expire
    }
  }

  for (const [bug, { bug: sentence, caughtBy, hangsMs }] of mutants.entries()) {
    if (raced.has(sentence)) continue
    const expected = mended.has(sentence) ? "passed" : "failed"
    const does = expected === "failed" ? "catches" : "never sees"
    it(`${caughtBy} ${does}: ${sentence}`, async () => {
      const { reason, verdict } = await run(
        Effect.gen(function* () {
          const it = cases.find(({ id }) => id === caughtBy)
          assert.isDefined(it)
          const subject = subjectOf(bug)
          const { description } = yield* open(subject)
          return yield* single(it, subject, description, expected === "passed" ? deadlineMs : (hangsMs ?? deadlineMs))
        })
      )
      assert.strictEqual(verdict, expected, reason)
    })
  }

  it("are caught but for those that are named here, and each of these exists", () => {
    const bugs = new Set(mutants.map(({ bug }) => bug))
    for (const sentence of [...mended, ...raced]) assert.isTrue(bugs.has(sentence), sentence)
    assert.isAtLeast(mutants.length - mended.size - raced.size, leastCaught)
  })
})
