/** Every interaction that is recorded, in the order of the files. */
import type { Case } from "./Case.ts"
import { frameCases } from "./frameCases.ts"
import { cases as runtimeCases } from "./runtimeCases.ts"
import { readCases } from "./runtimeReads.ts"
import { refusalCases } from "./runtimeRefusals.ts"
import { steeringCases } from "./runtimeSteering.ts"
import { streamCases } from "./runtimeStreams.ts"
import { uiCases } from "./uiCases.ts"
import { settingsCases } from "./uiSettings.ts"
import { uiSteeringCases } from "./uiSteering.ts"
import { uiTestCases } from "./uiTestCases.ts"
import { uiFrameCases } from "./uiFrameCases.ts"

export const pacts: ReadonlyArray<{ readonly file: string; readonly cases: ReadonlyArray<Case> }> = [
  {
    file: "workspace-backend-worker-runtime.json",
    cases: [...runtimeCases, ...readCases, ...refusalCases, ...steeringCases, ...streamCases, ...frameCases]
  },
  {
    file: "svelte-ui-workspace-backend.json",
    cases: [...uiCases, ...uiSteeringCases, ...settingsCases, ...uiTestCases, ...uiFrameCases]
  }
]
