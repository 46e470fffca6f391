/** The embedded source keeps every promise of the port. */
import { afterAll, beforeAll, describe, it } from "@effect/vitest"
import { suite } from "../../src/domain/conformance/Conformance.ts"
import { embedded } from "./Laboratory.ts"

suite({ afterAll, beforeAll, describe, it }, "the embedded source", embedded, { tier: "durable" })
