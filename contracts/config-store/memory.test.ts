import * as MemoryConfigStore from "../../src/adapters/config/MemoryConfigStore.ts"
import { suite } from "./suite.ts"

suite("memory", MemoryConfigStore.layer())
