import { assert, it } from "@effect/vitest"
import { DateTime, Option, Schema } from "effect"
import { Session } from "./OpencodeWire.ts"

const session = (created: number) =>
  Schema.decodeUnknownOption(Session)({ id: "ses_1", title: "x", time: { created, updated: 1 } })

it("a session whose time is no date is of a wrong shape, and not a defect later", () => {
  for (const time of [-1, 8_640_000_000_000_001, 1e300]) assert.isTrue(Option.isNone(session(time)), String(time))
  const last = Option.getOrThrow(session(8_640_000_000_000_000))
  assert.strictEqual(DateTime.formatIso(DateTime.makeUnsafe(last.time.created)), "+275760-09-13T00:00:00.000Z")
})
