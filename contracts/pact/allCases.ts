/** Every interaction that is recorded, in the order of the files. */
import type { Case } from "./Case.ts"
import { frameCases } from "./frameCases.ts"
import { cases as runtimeCases } from "./runtimeCases.ts"
import { uiCases } from "./uiCases.ts"
import { uiFrameCases } from "./uiFrameCases.ts"

export const pacts: ReadonlyArray<{ readonly file: string; readonly cases: ReadonlyArray<Case> }> = [
  { file: "workspace-backend-worker-runtime.json", cases: [...runtimeCases, ...frameCases] },
  { file: "svelte-ui-workspace-backend.json", cases: [...uiCases, ...uiFrameCases] }
]
