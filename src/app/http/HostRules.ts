/**
 * Who may talk to a server that browsers reach: only pages that it served itself. A page elsewhere that points its own
 * name at this address (DNS rebinding) fails the Host rule; one that sends requests across sites fails the Origin rule.
 */

/** The ways in which the names of a loopback address are spelled. */
const loopbackNames = ["localhost", "127.0.0.1", "[::1]"]

export const isLoopback = (host: string): boolean =>
  host === "localhost" || host === "::1" || host === "[::1]" || /^127(\.\d{1,3}){3}$/.test(host)

const bracketed = (host: string): string => (host.includes(":") && !host.startsWith("[") ? `[${host}]` : host)

/**
 * The Host header values that are answered.
 *
 * @param listen the address that is bound
 * @param extra further `host` or `host:port` from the config
 */
export const allowedHosts = (
  listen: { readonly host: string; readonly port: number },
  extra: ReadonlyArray<string>
): ReadonlySet<string> => {
  const host = bracketed(listen.host)
  const names = isLoopback(listen.host) ? [...loopbackNames, host] : [host, ...loopbackNames]
  const all = [...names.map((name) => `${name}:${listen.port}`), ...extra.flatMap((it) => [it, `${it}:${listen.port}`])]
  // Port 80 is left out of the header.
  if (listen.port === 80) all.push(...names)
  return new Set(all.map((it) => it.toLowerCase()))
}

export interface Headers {
  readonly host?: string | undefined
  readonly origin?: string | undefined
  readonly "sec-fetch-site"?: string | undefined
}

/** The reason for a refusal, or nothing. */
export const refuse = (hosts: ReadonlySet<string>, method: string, headers: Headers): "host" | "origin" | undefined => {
  const host = headers.host?.toLowerCase()
  if (host === undefined || !hosts.has(host)) return "host"
  const { origin } = headers
  // Browsers name the origin on everything but a plain same-origin GET; programs name none.
  if (origin !== undefined) return origin === `http://${host}` || origin === `https://${host}` ? undefined : "origin"
  const site = headers["sec-fetch-site"]
  const plain = method === "GET" || method === "HEAD"
  return plain || site === undefined || site === "same-origin" || site === "none" ? undefined : "origin"
}
