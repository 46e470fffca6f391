/** The Node HTTP server under both APIs: limits that Node does not set by itself, and a gate before anything is routed. */
import * as Http from "node:http"
import type { Duplex } from "node:stream"

/** Bodies above it are refused: the largest input plus what JSON adds to it. */
export const maxBodyBytes = 2_359_296
/** Request line and headers, in bytes. */
export const maxHeaderBytes = 16_384
/** Milliseconds until the headers, and the whole request, must have arrived. */
export const headersTimeoutMs = 10_000
export const requestTimeoutMs = 30_000
/** Idle keep-alive connections are closed after so many milliseconds. */
const keepAliveTimeoutMs = 65_000
/** How often Node looks for connections that are too slow. */
const checkingIntervalMs = 2_000
/** Connections at once; more are not accepted until one ends. */
export const maxConnections = 12_000

/** An answer that needs no routing, or nothing when the request may pass. */
export interface Refusal {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

export interface Gate {
  /** Runs before routing for every request, upgrades included. Must be synchronous and cheap. */
  readonly admit: (request: Http.IncomingMessage, upgrade: boolean) => Refusal | undefined
  /** Headers for every answer. */
  readonly headers: ReadonlyArray<readonly [string, string]>
  /** What a request that cannot be parsed gets. */
  readonly malformed: (kind: "header_too_large" | "timeout" | "bad_request") => Refusal
}

const head = (refusal: Refusal): string => {
  const headers = {
    ...refusal.headers,
    "content-length": String(Buffer.byteLength(refusal.body)),
    connection: "close"
  }
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  return `HTTP/1.1 ${refusal.status} ${Http.STATUS_CODES[refusal.status] ?? ""}\r\n${lines.join("")}\r\n${refusal.body}`
}

class GatedServer extends Http.Server {
  readonly gate: Gate

  constructor(gate: Gate) {
    super({
      maxHeaderSize: maxHeaderBytes,
      headersTimeout: headersTimeoutMs,
      requestTimeout: requestTimeoutMs,
      keepAliveTimeout: keepAliveTimeoutMs,
      connectionsCheckingInterval: checkingIntervalMs,
      // The gate refuses a missing Host in the API's own words.
      requireHostHeader: false
    })
    this.gate = gate
    this.maxConnections = maxConnections
    this.on("clientError", (error: NodeJS.ErrnoException, socket: Duplex) => {
      if (error.code === "ECONNRESET" || !socket.writable) return void socket.destroy()
      const kind =
        error.code === "HPE_HEADER_OVERFLOW"
          ? "header_too_large"
          : error.code === "ERR_HTTP_REQUEST_TIMEOUT"
            ? "timeout"
            : "bad_request"
      socket.end(head(gate.malformed(kind)))
    })
  }

  override emit(name: string | symbol, ...args: Array<any>): boolean {
    if (name === "request" || name === "checkContinue") {
      const [request, response] = args as [Http.IncomingMessage, Http.ServerResponse]
      for (const [header, value] of this.gate.headers) response.setHeader(header, value)
      const refusal = this.gate.admit(request, false)
      if (refusal !== undefined) {
        response.writeHead(refusal.status, { ...refusal.headers, connection: "close" })
        response.end(refusal.body)
        return true
      }
    } else if (name === "upgrade") {
      const [request, socket] = args as [Http.IncomingMessage, Duplex]
      const refusal = this.gate.admit(request, true)
      if (refusal !== undefined) {
        socket.on("error", () => {})
        socket.end(head(refusal))
        return true
      }
    }
    return (super.emit as (...all: Array<unknown>) => boolean).call(this, name, ...args)
  }
}

export const make = (gate: Gate): Http.Server => new GatedServer(gate)
