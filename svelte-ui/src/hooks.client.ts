/** Before anything is shown: the language, and whether a login is needed. */
import { i18n } from "#lib/i18n/i18n.svelte.ts"
import { session } from "#lib/state/session.svelte.ts"
import { theme } from "#lib/state/theme.svelte.ts"

export const init = async (): Promise<void> => {
  theme.start()
  await Promise.all([i18n.start(), session.start()])
}
