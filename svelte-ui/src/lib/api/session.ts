/** Login with the access token of the backend; what proves it afterwards is a cookie that script cannot read. */
import { request } from "./http.ts"

/** `required`: whether this backend asks for a login; `active`: whether this browser has one. */
export const sessionState = () =>
  request<{ readonly required: boolean; readonly active: boolean }>({ path: "/api/session" })

export const logIn = (token: string) => request<void>({ method: "POST", path: "/api/session", body: { token } })

export const logOut = () => request<void>({ method: "DELETE", path: "/api/session" })
