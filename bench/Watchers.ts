/**
 * Many watchers in one process, over plain sockets: whatever the wire is, they look for the number and the time that the
 * source put into each text and for nothing else, and so know of every delivery that is missing, twice there, or late.
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
/** How a text of the source begins: `#0000000012 0001763690000000 xxx…`. */
const mark = Buffer.from(`"text":"#`)
const numberLength = 10
const timeLength = 16
const stampLength = mark.length + numberLength + 1 + timeLength
const digitZero = 0x30
/** What every delivery ends with, on one wire or another: what follows begins with the next one. */
const ends: ReadonlySet<number> = new Set([0x7d, 0x0a])

const now = (): number => performance.timeOrigin * 1_000 + performance.now() * 1_000

const digits = (bytes: Buffer, at: number, count: number): number => {
  let value = 0
  for (let index = at; index < at + count; index++) value = value * 10 + bytes[index]! - digitZero
  return value
}

/** How one comes to hear a worker. */
export interface Door {
  readonly port: number
  /** Said once, at the beginning. */
  readonly greeting: string
  /** Heard once, when events will follow. */
  readonly ready: string
  /** Said from time to time, so that the other side knows that somebody is there. */
  readonly alive?: Buffer
}

/** A pong that nobody asked for. */
const pong = Buffer.from([0x8a, 0x80, 0, 0, 0, 0])

/** The same for every watcher, so that its answer is known beforehand, too. */
export const webSocketKey = "AAAAAAAAAAAAAAAAAAAAAA=="

export const webSocket = (port: number, path: string): Door => ({
  port,
  greeting:
    `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
    `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${webSocketKey}\r\nSec-WebSocket-Protocol: worker-events.v1\r\n\r\n`,
  ready: `"event":"snapshot"`,
  alive: pong
})

/** How often watchers show that they live, in milliseconds. */
const aliveMs = 10_000

export class Watcher {
  readonly socket: Socket
  /** Resolves when events will follow. */
  readonly ready: Promise<void>
  readonly #tally: Tally
  readonly #door: Door
  readonly #living: NodeJS.Timeout | undefined
  #held: Buffer | undefined
  #isReady = false
  #started: () => void = () => undefined
  #hungUp: () => void = () => undefined
  /** Number of the last event; 0 before the first. */
  last = 0
  /** Where the last event is. */
  #lastBytes: Buffer | undefined
  #lastAt = 0
  /** Called with the first event after it was set. */
  onFirst: (() => void) | undefined

  constructor(door: Door, tally: Tally, last = 0) {
    this.#door = door
    this.#tally = tally
    this.last = last
    this.ready = new Promise((resolve, reject) => {
      this.#started = resolve
      this.#hungUp = () => reject(new Error("a watcher was hung up on"))
    })
    // Nobody waits for one that is closed on purpose.
    this.ready.catch(() => undefined)
    this.socket = connect({ port: door.port, host: "127.0.0.1", noDelay: true })
    this.socket.write(door.greeting, "latin1")
    this.socket.on("data", (chunk: Buffer) => this.#read(chunk))
    this.socket.on("error", () => undefined)
    this.socket.on("close", () => {
      clearInterval(this.#living)
      this.#hungUp()
    })
    const { alive } = door
    if (alive !== undefined) this.#living = setInterval(() => this.socket.write(alive), aliveMs).unref()
  }

  #read(chunk: Buffer): void {
    const bytes = this.#held === undefined ? chunk : Buffer.concat([this.#held, chunk])
    this.#held = undefined
    if (!this.#isReady) {
      if (!bytes.includes(this.#door.ready)) {
        this.#held = bytes
        return
      }
      this.#isReady = true
      this.#lastBytes = bytes
      this.#lastAt = bytes.length
      this.#started()
    }
    let at = 0
    while (true) {
      const found = bytes.indexOf(mark, at)
      if (found < 0 || found + stampLength > bytes.length) break
      this.#heard(bytes, found)
      at = found + stampLength
    }
    // Half a delivery waits for the rest of it.
    if (!ends.has(bytes[bytes.length - 1]!)) this.#held = bytes.subarray(at)
  }

  #heard(bytes: Buffer, at: number): void {
    const sent = digits(bytes, at + mark.length, numberLength)
    const tally = this.#tally
    tally.received += 1
    if (sent <= this.last) tally.duplicated += 1
    else if (this.last > 0 && sent > this.last + 1) tally.lost += sent - this.last - 1
    this.last = Math.max(this.last, sent)
    if (tally.received % sampleEvery === 0) {
      tally.latencies.push(now() - digits(bytes, at + mark.length + numberLength + 1, timeLength))
    }
    this.#lastBytes = bytes
    this.#lastAt = at
    const { onFirst } = this
    if (onFirst === undefined) return
    this.onFirst = undefined
    onFirst()
  }

  /** Where a stream that starts again goes on. */
  get resumeFrom(): string {
    const said = this.#lastBytes?.toString("latin1", 0, this.#lastAt) ?? ""
    return /"cursor":"([^"]+)"/.exec(said.slice(Math.max(0, said.lastIndexOf(`"cursor":"`))))?.[1] ?? ""
  }

  close(): void {
    this.#hungUp = () => undefined
    clearInterval(this.#living)
    this.socket.destroy()
  }
}

export const emptyTally = (): Tally => ({ received: 0, lost: 0, duplicated: 0, latencies: [] })

/** How many watchers knock at a time. */
const atOnce = 100

/** Opens watchers a few at a time and waits until each is ready. */
export const open = async (doors: ReadonlyArray<Door>, tally: Tally): Promise<ReadonlyArray<Watcher>> => {
  const watchers: Array<Watcher> = []
  for (let from = 0; from < doors.length; from += atOnce) {
    const some = doors.slice(from, from + atOnce).map((door) => new Watcher(door, tally))
    await Promise.all(some.map((it) => it.ready))
    watchers.push(...some)
  }
  return watchers
}
