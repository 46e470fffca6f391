/** The remote source keeps every promise of the port over HTTP and WebSocket, against a runtime in a process of its own. */
import { afterAll, beforeAll, describe, it } from "@effect/vitest"
import { suite } from "../../src/domain/conformance/Conformance.ts"
import * as RemoteSubject from "./RemoteSubject.ts"

suite({ afterAll, beforeAll, describe, it }, "the remote source", RemoteSubject.make, { tier: "durable" })
