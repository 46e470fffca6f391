/** The gate of the backend: Host and Origin rules, the login, and the security headers of every answer. */
import { randomUUID } from "node:crypto"
import type { IncomingMessage } from "node:http"
import { contentType, toDetails } from "../../domain/api/ProblemDetails.ts"
import * as Problem from "../../domain/Problem.ts"
import * as HostRules from "./HostRules.ts"
import { type Gate, maxHeaderBytes, type Refusal, requestTimeoutMs } from "./NodeServer.ts"
import type { Sessions } from "./Sessions.ts"

/** Nothing from elsewhere, no inline script, nobody may frame the page. */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "manifest-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'"
]

/** The hashes of a directive in the policy that a document carries itself. */
const hashesOf = (document: string, directive: string): ReadonlyArray<string> =>
  new RegExp(`[";]\\s*${directive} ([^";]*)`).exec(document)?.[1]?.match(/'sha256-[A-Za-z0-9+/=]+'/g) ?? []

/** The policy for a document of the page: that of every answer, with the hashes of the document's own script and style. */
export const policyOf = (document: string): string =>
  contentSecurityPolicy
    .map((directive) => [directive, ...hashesOf(document, directive.split(" ", 1)[0]!)].join(" "))
    .join("; ")

const refusal = (problem: Problem.Problem): Refusal => {
  const instance = randomUUID()
  const { retry_after_ms } = problem.context
  return {
    status: problem.status,
    headers: {
      "content-type": contentType,
      "cache-control": "no-store",
      "x-request-id": instance,
      ...(retry_after_ms === undefined ? undefined : { "retry-after": String(Math.ceil(retry_after_ms / 1_000)) })
    },
    body: JSON.stringify(toDetails(problem, instance))
  }
}

/** Asked without a login: whether one lives, and whether one is needed. */
const open: ReadonlySet<string> = new Set(["/livez", "/readyz", "/api/session"])

/** The path of a request target, or nothing when the target is not one of ours: a proxy's, or a server's as a whole. */
const pathOf = (target: string): string | undefined => {
  if (!target.startsWith("/")) return undefined
  const end = target.search(/[?#]/)
  return end < 0 ? target : target.slice(0, end)
}

/** Whether a path leads to the API, in whatever spelling: `//api`, `/%61pi`, `/API`, `/api;v=1`. */
const isApi = (decoded: string): boolean => /^[/\\]*api([/\\;]|$)/i.test(decoded)

/** The one spelling that is answered, so that what was guarded here is what is routed later. */
const isCanonical = (path: string): boolean =>
  path === "/api" || (path.startsWith("/api/") && /^(\/[^/\\;]+)+$/.test(path))

const decode = (path: string): string | undefined => {
  try {
    return decodeURIComponent(path)
  } catch {
    return undefined
  }
}

/** Node keeps the first of several and forgets the rest: who looks at another one sees another request. */
const hosts = ({ rawHeaders }: IncomingMessage): number =>
  rawHeaders.filter((name, index) => index % 2 === 0 && name.toLowerCase() === "host").length

export interface Options {
  readonly hosts: () => ReadonlySet<string>
  readonly sessions: Sessions
  readonly now: () => number
}

export const make = (options: Options): Gate => ({
  headers: [
    ["content-security-policy", contentSecurityPolicy.join("; ")],
    ["x-content-type-options", "nosniff"],
    ["x-frame-options", "DENY"],
    ["referrer-policy", "no-referrer"],
    ["cross-origin-opener-policy", "same-origin"],
    ["cross-origin-resource-policy", "same-origin"],
    // Answers tell the state of the moment; files of the page say for themselves how long they last.
    ["cache-control", "no-store"]
  ],
  admit: (request) => {
    const { headers } = request
    if (hosts(request) > 1) return refusal(Problem.make("invalid_request", "The request names more than one host."))
    const reason = HostRules.refuse(options.hosts(), request.method ?? "GET", headers as HostRules.Headers)
    if (reason !== undefined) {
      const detail =
        reason === "host"
          ? "The request names a host that this server does not answer to."
          : "The request comes from another site."
      return refusal(Problem.make("origin_refused", detail, { reason }))
    }
    const path = pathOf(request.url ?? "")
    if (path === undefined) return refusal(Problem.make("invalid_request", "The request target is not a path."))
    const decoded = decode(path)
    if (decoded === undefined) return refusal(Problem.make("not_found"))
    if (!isApi(decoded)) return undefined
    if (!isCanonical(path)) return refusal(Problem.make("not_found"))
    if (!options.sessions.required || open.has(path)) return undefined
    const address = request.socket.remoteAddress ?? ""
    const now = options.now()
    if (options.sessions.admits(headers, address, now)) return undefined
    const wait = options.sessions.waitOf(address, now)
    return refusal(
      wait > 0
        ? Problem.make("too_many_requests", undefined, { retry_after_ms: wait })
        : Problem.make("session_required")
    )
  },
  malformed: (kind) => {
    switch (kind) {
      case "header_too_large":
        return refusal(
          Problem.make("payload_too_large", "The request's headers are too large.", { max: maxHeaderBytes })
        )
      case "timeout":
        return refusal(Problem.make("request_timeout", undefined, { max: requestTimeoutMs }))
      case "bad_request":
        return refusal(Problem.make("invalid_request", "The request is not HTTP."))
    }
  }
})
