/** Whether the API wants a login. Whoever calls the API finds out; the layout shows the login page in place. */
import { onSessionRequired } from "#lib/api/http.ts"
import { sessionState } from "#lib/api/session.ts"

class Session {
  /** A login is needed before anything else works. */
  required = $state(false)
  /** This browser is logged in; the proof itself is a cookie that script cannot read. */
  loggedIn = $state(false)

  constructor() {
    onSessionRequired(() => this.expire())
  }
  /** Asks once at the start; a backend that cannot be reached says so on the page itself. */
  async start(): Promise<void> {
    const outcome = await sessionState()
    if (!outcome.ok || outcome.value === undefined) return
    this.required = outcome.value.required && !outcome.value.active
    this.loggedIn = outcome.value.required && outcome.value.active
  }
  expire(): void {
    this.required = true
    this.loggedIn = false
  }
  entered(): void {
    this.required = false
    this.loggedIn = true
  }
}

export const session = new Session()
