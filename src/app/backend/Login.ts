/** The logins of this backend. */
import { Context } from "effect"
import type { Sessions } from "../http/Sessions.ts"

export class Login extends Context.Service<Login, Sessions>()("yoi-workspace/app/Login") {}
