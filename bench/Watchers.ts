/**
 * Many watchers in one process, over plain sockets: reads frames no further than the number and the time that the source
 * put into each text, and so knows of every delivery that is missing, twice there, or late.
 */
import { connect, type Socket } from "node:net"

export interface Tally {
  received: number
  lost: number
  duplicated: number
  /** Microseconds from the source to here, of one delivery in `sampleEvery`. */
  latencies: Array<number>
}

const sampleEvery = 8
/** `"}}}}`: what follows the text in a frame. */
const tail = 5
const marker = 0x23
const digitZero = 0x30
const key = "AAAAAAAAAAAAAAAAAAAAAA=="

const now = (): number => performance.timeOrigin * 1_000 + performance.now() * 1_000

const digits = (bytes: Buffer, at: number, count: number): number => {
  let value = 0
  for (let index = at; index < at + count; index++) value = value * 10 + bytes[index]! - digitZero
  return value
}

export class Watcher {
  readonly socket: Socket
  /** Resolves with the first frame of the stream itself. */
  readonly ready: Promise<void>
  readonly #tally: Tally
  readonly #length: number
  #held: Buffer | undefined
  #open = false
  #started: () => void = () => undefined
  /** Number of the last event; 0 before the first. */
  last = 0
  /** Of the last event, to resume with. */
  cursor = ""
  #lastFrame: Buffer | undefined
  /** Called with the first event after it was set. */
  onFirst: (() => void) | undefined
  closed = false

  constructor(port: number, path: string, length: number, tally: Tally, last = 0) {
    this.#length = length
    this.#tally = tally
    this.last = last
    this.ready = new Promise((resolve, reject) => {
      this.#started = resolve
      this.socketClosed = () => reject(new Error("a watcher was hung up on"))
    })
    this.socket = connect({ port, host: "127.0.0.1", noDelay: true })
    this.socket.write(
      `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
        `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\nSec-WebSocket-Protocol: worker-events.v1\r\n\r\n`
    )
    this.socket.on("data", (chunk: Buffer) => this.#read(chunk))
    this.socket.on("error", () => undefined)
    this.socket.on("close", () => {
      this.closed = true
      this.socketClosed()
    })
  }

  socketClosed: () => void = () => undefined

  #read(chunk: Buffer): void {
    let bytes = this.#held === undefined ? chunk : Buffer.concat([this.#held, chunk])
    this.#held = undefined
    if (!this.#open) {
      const end = bytes.indexOf("\r\n\r\n")
      if (end < 0) {
        this.#held = bytes
        return
      }
      if (bytes.toString("latin1", 9, 12) !== "101") return void this.socket.destroy()
      this.#open = true
      bytes = bytes.subarray(end + 4)
    }
    let at = 0
    while (at + 2 <= bytes.length) {
      let length = bytes[at + 1]! & 0x7f
      let start = at + 2
      if (length === 126) {
        if (at + 4 > bytes.length) break
        length = bytes.readUInt16BE(at + 2)
        start = at + 4
      } else if (length === 127) {
        if (at + 10 > bytes.length) break
        length = Number(bytes.readBigUInt64BE(at + 2))
        start = at + 10
      }
      const end = start + length
      if (end > bytes.length) break
      const opcode = bytes[at]! & 0x0f
      if (opcode === 1) this.#frame(bytes, start, end)
      else if (opcode === 9) this.#pong(bytes.subarray(start, end))
      at = end
    }
    if (at < bytes.length) this.#held = bytes.subarray(at)
  }

  #frame(bytes: Buffer, start: number, end: number): void {
    const at = end - tail - this.#length
    if (at <= start || bytes[at] !== marker) {
      // A snapshot; a greeting or a bookmark starts nothing.
      if (bytes.toString("latin1", start, start + 15) === `{"kind":"event"`) {
        this.#lastFrame = bytes.subarray(start, end)
        this.#started()
      }
      return
    }
    const sent = digits(bytes, at + 1, 10)
    const tally = this.#tally
    tally.received += 1
    if (sent <= this.last) tally.duplicated += 1
    else if (this.last > 0 && sent > this.last + 1) tally.lost += sent - this.last - 1
    this.last = Math.max(this.last, sent)
    if (tally.received % sampleEvery === 0) tally.latencies.push(now() - digits(bytes, at + 12, 16))
    this.#lastFrame = bytes.subarray(start, end)
    const { onFirst } = this
    if (onFirst === undefined) return
    this.onFirst = undefined
    onFirst()
  }

  /** Where a stream that starts again goes on. */
  get resumeFrom(): string {
    return /"cursor":"([^"]+)"/.exec(this.#lastFrame?.toString() ?? "")?.[1] ?? ""
  }

  #pong(data: Buffer): void {
    this.socket.write(Buffer.concat([Buffer.from([0x8a, 0x80 | data.length, 0, 0, 0, 0]), data]))
  }

  close(): void {
    this.socketClosed = () => undefined
    this.socket.destroy()
  }
}

export const emptyTally = (): Tally => ({ received: 0, lost: 0, duplicated: 0, latencies: [] })

/** How many watchers knock at a time. */
const atOnce = 100

/** Opens watchers a few at a time and waits until each has its first frame. */
export const open = async (
  port: number,
  paths: ReadonlyArray<string>,
  length: number,
  tally: Tally
): Promise<ReadonlyArray<Watcher>> => {
  const watchers: Array<Watcher> = []
  for (let from = 0; from < paths.length; from += atOnce) {
    const some = paths.slice(from, from + atOnce).map((path) => new Watcher(port, path, length, tally))
    await Promise.all(some.map((it) => it.ready))
    watchers.push(...some)
  }
  return watchers
}
