/** A page of the browser alone; language and login are known before anything is shown. */
import { i18n } from "#lib/i18n/i18n.svelte.ts"
import { session } from "#lib/state/session.svelte.ts"

export const ssr = false
export const load = async () => {
  await Promise.all([i18n.start(), session.start()])
}
