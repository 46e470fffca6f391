/** Logins of browsers: the access token is sent once, after that an HttpOnly cookie stands for it. */
import { createHash, randomBytes, timingSafeEqual } from "node:crypto"
import { Redacted } from "effect"

export const cookieName = "yoi_session"

/** A login ends after so many milliseconds. */
export const sessionTtlMs = 43_200_000
/** Logins at once; above it the oldest ends. */
export const maxSessions = 1_000

/** Failed attempts from one address before it has to wait … */
export const maxFailures = 10
/** … until this many milliseconds have passed since the first of them. */
export const failureWindowMs = 60_000
/** Addresses remembered. */
const maxAddresses = 10_000

const hash = (text: string): Buffer => createHash("sha256").update(text).digest()

const bearer = /^Bearer ([\x21-\x7e]{1,4096})$/i

export class Sessions {
  readonly #token: Buffer | undefined
  readonly #sessions = new Map<string, number>()
  readonly #failures = new Map<string, { count: number; readonly since: number }>()

  /** @param token undefined = nobody has to log in */
  constructor(token: Redacted.Redacted | undefined) {
    this.#token = token === undefined ? undefined : hash(Redacted.value(token))
  }

  get required(): boolean {
    return this.#token !== undefined
  }

  /** Milliseconds that this address has to wait before it may try a token again; 0 = now. */
  waitOf(address: string, now: number): number {
    const failures = this.#failures.get(address)
    if (failures === undefined) return 0
    const left = failures.since + failureWindowMs - now
    if (left <= 0) {
      this.#failures.delete(address)
      return 0
    }
    return failures.count >= maxFailures ? left : 0
  }

  /** Compares in constant time; a wrong token counts against the address. */
  accepts(token: string, address: string, now: number): boolean {
    if (this.#token === undefined) return true
    const ok = timingSafeEqual(hash(token), this.#token)
    if (!ok) {
      const known = this.#failures.get(address)
      if (this.#failures.size >= maxAddresses && known === undefined) {
        this.#failures.delete(this.#failures.keys().next().value!)
      }
      this.#failures.set(address, { count: (known?.count ?? 0) + 1, since: known?.since ?? now })
    }
    return ok
  }

  /** The value of a new cookie. */
  open(now: number): string {
    if (this.#sessions.size >= maxSessions) this.#sessions.delete(this.#sessions.keys().next().value!)
    const id = randomBytes(32).toString("base64url")
    this.#sessions.set(id, now + sessionTtlMs)
    return id
  }

  close(id: string): void {
    this.#sessions.delete(id)
  }

  isOpen(id: string | undefined, now: number): boolean {
    if (id === undefined) return false
    const until = this.#sessions.get(id)
    if (until === undefined) return false
    if (until > now) return true
    this.#sessions.delete(id)
    return false
  }

  /** Whether a request may pass: nothing is asked, a login is open, or the token comes as Bearer. */
  admits(
    headers: { readonly authorization?: string | undefined; readonly cookie?: string | undefined },
    address: string,
    now: number
  ): boolean {
    if (this.#token === undefined) return true
    if (this.isOpen(cookieOf(headers.cookie), now)) return true
    const sent = bearer.exec(headers.authorization ?? "")?.[1]
    return sent !== undefined && this.waitOf(address, now) === 0 && this.accepts(sent, address, now)
  }
}

/** The session cookie among those of a Cookie header. */
export const cookieOf = (header: string | undefined): string | undefined => {
  const start = header?.split("; ").find((part) => part.startsWith(`${cookieName}=`))
  return start?.slice(cookieName.length + 1)
}
