/** `HOST:PORT`, as `--listen` and `server.listen` have it. */
import { isLoopback } from "../http/HostRules.ts"

export interface ListenAddress {
  readonly host: string
  readonly port: number
}

/** Nothing when the text is not an address. IPv6 addresses stand in brackets; port 0 takes any free one. */
export const parse = (text: string): ListenAddress | undefined => {
  const match = /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+):([0-9]{1,5})$/.exec(text)
  const port = Number(match?.[2])
  if (match === null || port > 65_535) return undefined
  return { host: match[1]!.replace(/^\[|\]$/g, ""), port }
}

/** Whether only this machine can reach it. */
export const isLocal = (address: ListenAddress): boolean => isLoopback(address.host)

export const format = ({ host, port }: ListenAddress): string => `${host.includes(":") ? `[${host}]` : host}:${port}`
