/** The suite over memory. */
import { Effect } from "effect"
import * as MemoryWorkerStore from "../../src/adapters/stores/MemoryWorkerStore.ts"
import { suite } from "./suite.ts"

suite("memory", Effect.succeed(MemoryWorkerStore.layer), { reopen: "unsupported" })
