/** A page of the browser alone; the language is known before anything is shown. */
import { i18n } from "#lib/i18n/i18n.svelte.ts"

export const ssr = false
export const load = () => i18n.start()
