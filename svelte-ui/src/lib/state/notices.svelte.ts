/** Short confirmations in the corner. Never the only place where something is said. */

export interface Notice {
  readonly id: number
  readonly text: string
}

/** Long enough to read one sentence twice. */
const shownMs = 6_000
const most = 3

class Notices {
  list = $state.raw<ReadonlyArray<Notice>>([])
  #next = 1

  say(text: string): void {
    const notice = { id: this.#next++, text }
    this.list = [...this.list, notice].slice(-most)
    setTimeout(() => this.dismiss(notice.id), shownMs)
  }
  dismiss(id: number): void {
    this.list = this.list.filter((notice) => notice.id !== id)
  }
}

export const notices = new Notices()
