/** The kind `opencode` keeps the promises that it makes. What it cannot promise it does not declare, or is exempt by name. */
import { afterAll, beforeAll, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { suite } from "../../src/domain/conformance/Conformance.ts"
import * as OpencodeServer from "../support/OpencodeServer.ts"
import * as OpencodeSubject from "./OpencodeSubject.ts"

const password = "opencode-conformance-password-0c41"

const subject = Effect.gen(function* () {
  const server = yield* OpencodeServer.make(password)
  const made = yield* OpencodeSubject.make({ port: server.port, password })
  const source = yield* made.connect
  // A call on a connection that has just gone is lost; whoever asks again is answered.
  const awake = Effect.asVoid(Effect.eventually(source.describe))
  return { ...made, restart: Effect.andThen(server.restart, awake) }
})

// Ids are not the caller's to choose there, and nothing ends as cancelled: that is less than the tier `core` asks for.
suite({ afterAll, beforeAll, describe, it }, "the opencode kind", subject, { tier: null })
