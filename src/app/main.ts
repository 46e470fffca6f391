/** The one entry of the program. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { run, teardown } from "./cli/Program.ts"

NodeRuntime.runMain(run(process.argv.slice(2)), { disableErrorReporting: true, teardown })
