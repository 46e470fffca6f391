import type { CodeTexts } from "./codes.ts"
export const codesJa = {} as CodeTexts
