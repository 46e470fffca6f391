/**
 * Lines of JSON that only the log has, in order. Kept as numbers beside the memory they were encoded into: an object for
 * each would live until the next checkpoint, and the collector would move and mark hundreds of thousands of them.
 */

export class Lines {
  #buffers: Array<Buffer> = []
  #starts: Array<number> = []
  /** Behind the newline. */
  #ends: Array<number> = []

  get length(): number {
    return this.#ends.length
  }

  /** @param end behind the newline */
  push(buffer: Buffer, start: number, end: number): void {
    this.#buffers.push(buffer)
    this.#starts.push(start)
    this.#ends.push(end)
  }

  /** Takes lines over that follow each other in one buffer: `marks[at]` is where the first starts. */
  pushRun(buffer: Buffer, marks: ReadonlyArray<number>, at: number, count: number): void {
    for (let line = at; line < at + count; line++) this.push(buffer, marks[line]!, marks[line + 1]!)
  }

  append(more: Lines): void {
    for (let at = 0; at < more.length; at++) this.push(more.#buffers[at]!, more.#starts[at]!, more.#ends[at]!)
  }

  /** As `Array.prototype.slice`. */
  slice(from: number, to?: number): Lines {
    const part = new Lines()
    part.#buffers = this.#buffers.slice(from, to)
    part.#starts = this.#starts.slice(from, to)
    part.#ends = this.#ends.slice(from, to)
    return part
  }

  /** Length in bytes, with its newline. */
  size(at: number): number {
    return this.#ends[at]! - this.#starts[at]!
  }

  /** The line with its newline; not a copy. */
  bytes(at: number): Buffer {
    return this.#buffers[at]!.subarray(this.#starts[at], this.#ends[at])
  }

  /** The line without its newline. */
  text(at: number): string {
    return this.#buffers[at]!.toString("utf8", this.#starts[at], this.#ends[at]! - 1)
  }

  /** Copies the line with its newline; answers where the next one goes. */
  copy(at: number, target: Buffer, position: number): number {
    return position + this.#buffers[at]!.copy(target, position, this.#starts[at], this.#ends[at])
  }
}
