/** Whether the API wants a login. Whoever calls the API finds out; the layout shows the login page in place. */
import { onSessionRequired } from "#lib/api/http.ts"
import { lasting } from "./storage.ts"

/** That this browser logged in, so that "log out" is offered. The proof itself is a cookie that script cannot read. */
const mark = "yoi-logged-in"

class Session {
  required = $state(false)
  loggedIn = $state(lasting.get(mark) === "yes")

  constructor() {
    onSessionRequired(() => this.expire())
  }
  expire(): void {
    this.required = true
  }
  entered(): void {
    this.required = false
    this.loggedIn = true
    lasting.set(mark, "yes")
  }
  left(): void {
    this.required = true
    this.loggedIn = false
    lasting.set(mark, undefined)
  }
}

export const session = new Session()
