/** A runtime whose plugin runs in a thread or a process of its own keeps every promise of the port, restarts included. */
import { afterAll, beforeAll, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { suite, type Subject } from "../../src/domain/conformance/Conformance.ts"
import { expire, hold } from "../conformance/Laboratory.ts"
import * as IsolationWorld from "./IsolationWorld.ts"

for (const level of IsolationWorld.levels) {
  const subject = Effect.gen(function* () {
    const root = yield* IsolationWorld.folder
    const { connect, pid } = yield* IsolationWorld.world(level, IsolationWorld.quick)
    void pid
    return {
      name: `a ${level}`,
      connect: Effect.orDie(Effect.suspend(() => connect("durable-1", "durable", { root }))),
      credential: { kind: "none", reason: "Nobody else can open the wire." },
      hidden: [],
      hold,
      expire
    } satisfies Subject
  })
  suite({ afterAll, beforeAll, describe, it }, `a plugin in a ${level}`, subject, { tier: "streaming" })
}
