/**
 * The way of texts between the backend and a plugin's host. Both kinds are handed over when the host is made and have no
 * name, so that nobody else can open them: a socket pair that a process inherits, or the port of a worker thread.
 */
import type { MessagePort } from "node:worker_threads"
import type { Duplex } from "node:stream"
import { StringDecoder } from "node:string_decoder"

/** Longest text, in UTF-16 units: the largest snapshot (16 MiB, each character written as six) and room around it. */
export const maxTextLength = 33_554_432

/** Why a wire came to its end. */
export type WireEnd = "closed" | "text_too_long"

export interface Wire {
  /** Calls back when the text is in the operating system's hands, or never will be. */
  readonly write: (text: string, written: () => void) => void
  /** Starts reading; nothing was lost before. `ended` is told once, after the last text. */
  readonly open: (heard: (text: string) => void, ended: (why: WireEnd) => void) => void
  readonly close: () => void
}

/** Texts as lines of UTF-8: JSON has no line break of its own. */
export const overStream = (stream: Duplex): Wire => ({
  write: (text, written) => {
    stream.write(`${text}\n`, () => written())
  },
  open: (heard, ended) => {
    const decoder = new StringDecoder("utf8")
    let parts: Array<string> = []
    let length = 0
    let over = false
    const end = (why: WireEnd) => {
      if (over) return
      over = true
      stream.destroy()
      ended(why)
    }
    stream.on("data", (bytes: Buffer) => {
      const text = decoder.write(bytes)
      let from = 0
      for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", from)) {
        parts.push(text.slice(from, at))
        length += at - from
        if (length > maxTextLength) return end("text_too_long")
        heard(parts.length === 1 ? (parts[0] ?? "") : parts.join(""))
        if (over) return
        parts = []
        length = 0
        from = at + 1
      }
      if (from < text.length) parts.push(text.slice(from))
      length += text.length - from
      if (length > maxTextLength) end("text_too_long")
    })
    stream.on("error", () => end("closed"))
    stream.on("end", () => end("closed"))
    stream.on("close", () => end("closed"))
  },
  close: () => stream.destroy()
})

/** A port writes at once; what may wait in it is bounded by who may ask how much. */
export const overPort = (port: MessagePort): Wire => ({
  write: (text, written) => {
    port.postMessage(text)
    written()
  },
  open: (heard, ended) => {
    let over = false
    const end = (why: WireEnd) => {
      if (over) return
      over = true
      port.close()
      ended(why)
    }
    port.on("message", (text: unknown) => {
      if (over) return
      if (typeof text !== "string" || text.length > maxTextLength) return end("text_too_long")
      heard(text)
    })
    port.on("close", () => end("closed"))
  },
  close: () => port.close()
})
