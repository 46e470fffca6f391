/**
 * The index entries of the pages that were read last: whoever reads a page again, or another person the same one, costs
 * one read of the disk and not two. What counts in an index never changes, and a worker's folder is never used again.
 */

/** The most workers of which a page of the index is kept. */
export const maxPages = 128
/** A longer page, in bytes, is not kept: with `maxPages` it bounds the memory at 512 KiB. */
export const maxBytes = 4_096

interface Page {
  readonly position: number
  readonly bytes: Buffer
}

export class IndexPages {
  /** By folder; least recently used first. */
  readonly #pages = new Map<string, Page>()

  /** The bytes from `position` on, if they are known. */
  find(folder: string, position: number, length: number): Buffer | undefined {
    const page = this.#pages.get(folder)
    if (page === undefined || position < page.position) return undefined
    const from = position - page.position
    if (from + length > page.bytes.length) return undefined
    this.#pages.delete(folder)
    this.#pages.set(folder, page)
    return page.bytes.subarray(from, from + length)
  }

  keep(folder: string, position: number, bytes: Buffer): void {
    if (bytes.length > maxBytes) return
    this.#pages.delete(folder)
    // A copy: the bytes may be a part of a larger piece of memory.
    this.#pages.set(folder, { position, bytes: Buffer.from(bytes) })
    for (const oldest of this.#pages.keys()) {
      if (this.#pages.size <= maxPages) break
      this.#pages.delete(oldest)
    }
  }
}
