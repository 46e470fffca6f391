/** A source behind a wire keeps every promise of the port; the wire's end, its bounds and what travels along are certain. */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { suite } from "../../src/domain/conformance/Conformance.ts"
import * as RpcSubject from "./RpcSubject.ts"

void assert

suite({ afterAll, beforeAll, describe, it }, "the source across a wire", RpcSubject.make, { tier: "durable" })
