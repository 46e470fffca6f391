/** The views of what stands beside the transcript: most conversations begin without any. */
import { Later } from "#lib/state/later.svelte.ts"

export const asideViews = new Later(() => import("./AsideRow.svelte").then((module) => module.default))
