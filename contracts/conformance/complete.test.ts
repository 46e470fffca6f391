/** Every case has a source to pass on: nothing of the kit is left unproven for want of a token, a cut or a restart. */
import { afterAll, beforeAll, describe, it } from "@effect/vitest"
import { suite } from "../../src/domain/conformance/Conformance.ts"
import { complete } from "./Laboratory.ts"

suite({ afterAll, beforeAll, describe, it }, "a source with everything", complete, { tier: "durable" })
