/** Lines out of pieces of UTF-8 that may be cut anywhere, also inside a character. */

/** Longest line that is taken, in UTF-16 units: far above a test report, far below what would hurt the page. */
export const maxLineLength = 1_000_000

export class LineDecoder {
  readonly #text = new TextDecoder()
  #rest = ""

  /** The lines that this piece completes; undefined once a line is longer than `maxLineLength`. */
  push(piece: Uint8Array): ReadonlyArray<string> | undefined {
    const lines = (this.#rest + this.#text.decode(piece, { stream: true })).split("\n")
    this.#rest = lines.pop() ?? ""
    if (this.#rest.length > maxLineLength || lines.some(({ length }) => length > maxLineLength)) return undefined
    return lines.filter((line) => line.trim() !== "")
  }

  /** What came after the last line break: a last line that needs none, or what is left of a line that broke off. */
  end(): string {
    return (this.#rest + this.#text.decode()).trim()
  }
}
