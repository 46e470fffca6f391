/**
 * A closed loop over kept-alive connections: each sends its next request when the answer to the last has arrived. Speaks
 * HTTP over plain sockets, because an HTTP client would cost more than what is measured.
 */
import { connect, type Socket } from "node:net"

export interface Window {
  readonly done: number
  readonly failed: number
  readonly seconds: number
  /** Microseconds each, in the order they arrived. */
  readonly latencies: ReadonlyArray<number>
}

const blankLine = Buffer.from("\r\n\r\n")
const lastChunk = "0\r\n\r\n"

/** An answer that arrives in pieces: they are put together once, when the last one is there. */
class Answer {
  #pieces: Array<Buffer> = []
  #length = 0
  /** Length of the whole, once the head has told it; `Infinity` for one that ends with a last chunk. */
  #expected: number | undefined

  /** The whole answer, when this piece was its last. */
  take(piece: Buffer): Buffer | undefined {
    this.#pieces.push(piece)
    this.#length += piece.length
    if (this.#expected === undefined) {
      const bytes = this.#joined()
      const headEnd = bytes.indexOf(blankLine)
      if (headEnd < 0) return undefined
      const head = bytes.toString("latin1", 0, headEnd)
      const length = /\r\ncontent-length: *(\d+)/i.exec(head)
      const chunked = /\r\ntransfer-encoding: *chunked/i.test(head)
      this.#expected = chunked ? Number.POSITIVE_INFINITY : headEnd + blankLine.length + Number(length?.[1] ?? 0)
    }
    const whole =
      this.#expected === Number.POSITIVE_INFINITY ? this.#endsChunked(piece) : this.#length >= this.#expected
    if (!whole) return undefined
    const bytes = this.#joined()
    this.#pieces = []
    this.#length = 0
    this.#expected = undefined
    return bytes
  }

  #endsChunked(piece: Buffer): boolean {
    const end = piece.length >= lastChunk.length ? piece : this.#joined()
    return end.toString("latin1", end.length - lastChunk.length) === lastChunk
  }

  #joined(): Buffer {
    if (this.#pieces.length > 1) this.#pieces = [Buffer.concat(this.#pieces, this.#length)]
    return this.#pieces[0]!
  }
}

export const statusOf = (answer: Buffer): number => Number(answer.toString("latin1", 9, 12))

/** A request as bytes. */
export const request = (
  method: string,
  host: string,
  path: string,
  body?: string,
  headers: Readonly<Record<string, string>> = {}
): Buffer => {
  const given = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  const content =
    body === undefined ? "" : `content-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n`
  return Buffer.from(`${method} ${path} HTTP/1.1\r\nhost: ${host}\r\n${given.join("")}${content}\r\n${body ?? ""}`)
}

/** One kept-alive connection, with one request under way at a time. */
export class Connection {
  readonly #socket: Socket
  #waiting: ((answer: Buffer | undefined) => void) | undefined
  readonly #arriving = new Answer()
  broken = false

  constructor(port: number) {
    this.#socket = connect({ port, host: "127.0.0.1", noDelay: true })
    this.#socket.on("data", (chunk: Buffer) => {
      const answer = this.#arriving.take(chunk)
      if (answer !== undefined) this.#answer(answer)
    })
    const gone = () => {
      this.broken = true
      this.#answer(undefined)
    }
    this.#socket.on("error", gone)
    this.#socket.on("close", gone)
  }

  #answer(answer: Buffer | undefined): void {
    const waiting = this.#waiting
    this.#waiting = undefined
    waiting?.(answer)
  }

  send(bytes: Buffer, then: (answer: Buffer | undefined) => void): void {
    if (this.broken) return then(undefined)
    this.#waiting = then
    this.#socket.write(bytes)
  }

  close(): void {
    this.#socket.destroy()
  }
}

export class HttpLoad {
  readonly #port: number
  readonly #connections: Array<Connection>

  constructor(port: number, connections: number) {
    this.#port = port
    this.#connections = Array.from({ length: connections }, () => new Connection(port))
  }

  /**
   * @param next the bytes of a connection's next request
   * @param isGood whether an answer counts as done; every status below 300 unless given
   */
  run(
    milliseconds: number,
    next: (connection: number) => Buffer,
    isGood: (answer: Buffer, connection: number) => boolean = (answer) => statusOf(answer) < 300
  ): Promise<Window> {
    const latencies: Array<number> = []
    let failed = 0
    const started = performance.now()
    const until = started + milliseconds
    const loop = (index: number) =>
      new Promise<void>((resolve) => {
        const step = () => {
          const sent = performance.now()
          if (sent >= until) return resolve()
          let connection = this.#connections[index]!
          if (connection.broken) connection = this.#connections[index] = new Connection(this.#port)
          connection.send(next(index), (answer) => {
            if (answer !== undefined && isGood(answer, index)) latencies.push((performance.now() - sent) * 1_000)
            else failed += 1
            if (answer === undefined) setTimeout(step, 10)
            else step()
          })
        }
        step()
      })
    return Promise.all(this.#connections.map((_, index) => loop(index))).then(() => ({
      done: latencies.length,
      failed,
      seconds: (performance.now() - started) / 1_000,
      latencies
    }))
  }

  close(): void {
    for (const connection of this.#connections) connection.close()
  }
}

/** One request on a connection of its own; undefined when no answer came in time. */
export const once = (port: number, bytes: Buffer, limitMs: number): Promise<Buffer | undefined> =>
  new Promise((resolve) => {
    const connection = new Connection(port)
    const settle = (answer: Buffer | undefined) => {
      clearTimeout(late)
      connection.close()
      resolve(answer)
    }
    const late = setTimeout(() => settle(undefined), limitMs)
    connection.send(bytes, settle)
  })

/** The body of an answer. */
export const bodyOf = (answer: Buffer): string => {
  const head = answer.indexOf(blankLine)
  const body = answer.subarray(head + blankLine.length)
  if (!/\r\ntransfer-encoding: *chunked/i.test(answer.toString("latin1", 0, head))) return body.toString()
  const parts: Array<Buffer> = []
  for (let at = 0; at < body.length;) {
    const line = body.indexOf("\r\n", at)
    const size = Number.parseInt(body.toString("latin1", at, line), 16)
    if (!(size > 0)) break
    parts.push(body.subarray(line + 2, line + 2 + size))
    at = line + 2 + size + 2
  }
  return Buffer.concat(parts).toString()
}
