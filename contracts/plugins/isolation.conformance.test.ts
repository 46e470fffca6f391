/** A runtime whose plugin runs in a thread or a process of its own keeps every promise of the port, restarts included. */
import { afterAll, beforeAll, describe, it } from "@effect/vitest"
import { Effect, Exit } from "effect"
import { suite, type Subject } from "../../src/domain/conformance/Conformance.ts"
import { ask, expire, hidden, hold } from "../conformance/Laboratory.ts"
import * as IsolationWorld from "./IsolationWorld.ts"

/** Longer than any test, in milliseconds. */
const never = 3_600_000

for (const level of IsolationWorld.levels) {
  const subject = Effect.gen(function* () {
    const root = yield* IsolationWorld.folder
    const { connect, restart } = yield* IsolationWorld.world(level, IsolationWorld.quick)
    const lost = yield* IsolationWorld.world(level, { backoffMs: never, maxBackoffMs: never })
    const orphaned = yield* lost.connect("orphaned-1", "durable", { root })
    yield* lost.kill
    while (Exit.isSuccess(yield* Effect.exit(orphaned.describe))) yield* Effect.sleep(5)
    const opened = Effect.suspend(() => connect("durable-1", "durable", { root }))
    const streams = Effect.gen(function* () {
      const control = yield* opened
      const { context } = yield* Effect.flip(control.bundleAvailability("control:streams", undefined))
      return context.max ?? 0
    }).pipe(Effect.scoped, Effect.orDie)
    return {
      name: `a plugin in a ${level}`,
      connect: opened,
      credential: { kind: "none", reason: "Nobody else can open the wire." },
      hidden: [hidden("the folder", root)],
      hold,
      ask,
      unreachable: Effect.succeed(orphaned),
      openStreams: streams,
      expire,
      // The runtime's host ends without a word; the runtime is what it has stored.
      cut: restart,
      restart
    } satisfies Subject
  })
  suite({ afterAll, beforeAll, describe, it }, `a plugin in a ${level}`, subject, { tier: "durable" })
}
