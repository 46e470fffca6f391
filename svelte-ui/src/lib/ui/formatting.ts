/** The parser of Markdown and what shows its tokens: a quarter of what the console would weigh with them. */
import { Later } from "#lib/state/later.svelte.ts"

export const formatting = new Later(() => import("./Markdown.svelte").then((module) => module.default))
