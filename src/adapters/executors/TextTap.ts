/** What a program writes, as text: decoded, long lines cut, counted against the limits, and held back while nobody reads. */
import type { Readable } from "node:stream"
import { Effect } from "effect"
import type { Limits } from "../../domain/ProfileDeclaration.ts"
import type { RunFailure } from "../../domain/WorkerExecutor.ts"

/** Text that waits for a reader, in UTF-16 units; then the program's pipe is left full and the program waits. */
export const heldLength = 65_536

/** Stands where the rest of a long line was left out. */
export const cutMark = " […]"

export const tooMuch = (bytes: number, of: "turn" | "life"): RunFailure => ({
  code: "output_limit_reached",
  message:
    of === "turn"
      ? `The program wrote more than ${bytes} bytes in one turn and was ended.`
      : `The program wrote more than ${bytes} bytes in all and was ended.`
})

export class TextTap {
  readonly #limits: Pick<Limits, "turn_bytes" | "total_bytes" | "line_bytes">
  readonly #streams: Array<Readable> = []
  #held = ""
  #open = 0
  #turn = 0
  #total = 0
  #failure: RunFailure | undefined
  #wake: (() => void) | undefined

  constructor(limits: Pick<Limits, "turn_bytes" | "total_bytes" | "line_bytes">) {
    this.#limits = limits
  }

  /** @param hear gets everything, also what is not shown */
  attach(stream: Readable, options: { readonly show: boolean; readonly hear?: (text: string) => void }): void {
    const decoder = new TextDecoder()
    let line = 0
    /** Leaves out what is beyond the bound of a line. */
    const cut = (text: string): string =>
      text
        .split("\n")
        .map((part, index) => {
          if (index > 0) line = 0
          const room = this.#limits.line_bytes - line
          line += Buffer.byteLength(part)
          if (room < 0) return ""
          return Buffer.byteLength(part) <= room ? part : Buffer.from(part).subarray(0, room).toString() + cutMark
        })
        .join("\n")
    this.#streams.push(stream)
    this.#open++
    stream.on("data", (chunk: Buffer) => {
      const text = decoder.decode(chunk, { stream: true })
      this.#count(Math.max(chunk.length, Buffer.byteLength(text)))
      options.hear?.(text)
      if (options.show) this.#held += cut(text)
      if (this.#failure !== undefined || this.#held.length > heldLength) for (const it of this.#streams) it.pause()
      this.#wake?.()
    })
    stream.once("close", () => {
      this.#open--
      this.#wake?.()
    })
  }

  #count(bytes: number): void {
    this.#turn += bytes
    this.#total += bytes
    if (this.#total > this.#limits.total_bytes) this.#failure ??= tooMuch(this.#limits.total_bytes, "life")
    if (this.#turn > this.#limits.turn_bytes) this.#failure ??= tooMuch(this.#limits.turn_bytes, "turn")
  }

  /** The bytes of a new turn start here; what was said before it is part of it, and was counted. */
  begin(): void {
    this.#turn = 0
    if (this.#failure?.message === tooMuch(this.#limits.turn_bytes, "turn").message) this.#failure = undefined
  }

  /** Gives text back that belongs to the next turn. */
  unread(text: string): void {
    this.#held = text + this.#held
  }

  /** All that was written since the last read, as soon as there is some; `undefined` once all is read and closed. */
  readonly read: Effect.Effect<string | undefined, RunFailure> = Effect.callback((resume) => {
    const answer = () => {
      if (this.#held === "" && this.#open > 0 && this.#failure === undefined) return false
      this.#wake = undefined
      const text = this.#held
      this.#held = ""
      if (text === "" && this.#failure !== undefined) resume(Effect.fail(this.#failure))
      else {
        if (this.#failure === undefined) for (const it of this.#streams) it.resume()
        resume(Effect.succeed(text === "" ? undefined : text))
      }
      return true
    }
    if (answer()) return
    this.#wake = answer
    return Effect.sync(() => {
      this.#wake = undefined
    })
  })
}
