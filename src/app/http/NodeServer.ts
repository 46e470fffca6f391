/** The Node HTTP server under both APIs: limits that Node does not set by itself, and a gate before anything is routed. */
import * as Http from "node:http"
import type { Socket } from "node:net"
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

/** Every time in milliseconds. */
export interface Timeouts {
  readonly headers: number
  readonly request: number
  readonly checking: number
}

export const defaultTimeouts: Timeouts = {
  headers: headersTimeoutMs,
  request: requestTimeoutMs,
  checking: checkingIntervalMs
}

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

/** A peer that was refused has this long, in milliseconds, to read why and to hang up. */
const lingerMs = 1_000

/** How often a server that ends looks for connections that are done, in milliseconds. */
const sweepMs = 50

/** Says goodbye and takes nothing more. Without the cut, a peer that never hangs up would hold the connection for ever. */
const dismiss = (socket: Duplex, refusal: Refusal): void => {
  socket.on("error", () => {})
  socket.resume()
  socket.end(head(refusal))
  const cut = setTimeout(() => socket.destroy(), lingerMs)
  socket.once("close", () => clearTimeout(cut))
}

/** The only places that speak anything but HTTP. */
const socketPath = /\/events\/ws(\?|$)/

class GatedServer extends Http.Server {
  readonly gate: Gate
  /** Connections on which nothing has been asked yet. */
  readonly #silent = new Set<Socket>()

  constructor(gate: Gate, timeouts: Timeouts) {
    super({
      maxHeaderSize: maxHeaderBytes,
      headersTimeout: timeouts.headers,
      requestTimeout: timeouts.request,
      keepAliveTimeout: keepAliveTimeoutMs,
      connectionsCheckingInterval: timeouts.checking,
      // Whoever asks for an upgrade elsewhere gets the answer that everybody gets.
      shouldUpgradeCallback: ({ url = "" }) => socketPath.test(url),
      // The gate refuses a missing Host in the API's own words.
      requireHostHeader: false
    })
    this.gate = gate
    this.maxConnections = maxConnections
    // Without a listener Node answers by itself; `emit` never calls it.
    this.on("checkExpectation", () => {})
    this.on("clientError", (error: NodeJS.ErrnoException, socket: Duplex) => {
      if (error.code === "ECONNRESET" || !socket.writable) return void socket.destroy()
      const kind =
        error.code === "HPE_HEADER_OVERFLOW"
          ? "header_too_large"
          : error.code === "ERR_HTTP_REQUEST_TIMEOUT"
            ? "timeout"
            : "bad_request"
      dismiss(socket, gate.malformed(kind))
    })
  }

  /**
   * Node closes what is idle at this moment. It would wait for connections that browsers open ahead of need, and for
   * those that become idle once their last answer is out.
   */
  override close(callback?: (error?: Error) => void): this {
    super.close(callback)
    for (const socket of this.#silent) socket.destroy()
    const sweep = setInterval(() => this.closeIdleConnections(), sweepMs)
    this.once("close", () => clearInterval(sweep))
    return this
  }

  override emit(name: string | symbol, ...args: Array<unknown>): boolean {
    if (name === "request" || name === "checkContinue" || name === "checkExpectation") {
      const [request, response] = args as [Http.IncomingMessage, Http.ServerResponse]
      this.#silent.delete(request.socket)
      for (const [header, value] of this.gate.headers) response.setHeader(header, value)
      // Nothing but `100-continue` can be expected of a server.
      const refusal =
        this.gate.admit(request, false) ??
        (name === "checkExpectation" ? this.gate.malformed("bad_request") : undefined)
      if (refusal !== undefined) {
        const length = Buffer.byteLength(refusal.body)
        response.writeHead(refusal.status, { ...refusal.headers, "content-length": length, connection: "close" })
        response.end(refusal.body)
        return true
      }
    } else if (name === "upgrade") {
      const [request, socket] = args as [Http.IncomingMessage, Duplex]
      this.#silent.delete(request.socket)
      const refusal = this.gate.admit(request, true)
      if (refusal !== undefined) {
        dismiss(socket, refusal)
        return true
      }
    } else if (name === "connection") {
      const [socket] = args as [Socket]
      this.#silent.add(socket)
      socket.once("close", () => this.#silent.delete(socket))
    }
    return (super.emit as (...all: Array<unknown>) => boolean).call(this, name, ...args)
  }
}

export const make = (gate: Gate, timeouts: Timeouts = defaultTimeouts): Http.Server => new GatedServer(gate, timeouts)
