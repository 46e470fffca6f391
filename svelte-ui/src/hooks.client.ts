/** Before the page is taken over: its language and theme. Whether a login is needed turns out meanwhile. */
import { i18n } from "#lib/i18n/i18n.svelte.ts"
import { session } from "#lib/state/session.svelte.ts"
import { theme } from "#lib/state/theme.svelte.ts"

export const init = async (): Promise<void> => {
  theme.start()
  void session.start()
  await i18n.start()
}
