/**
 * A part of the page that is loaded when it is needed. It may not come, after an update of the server or without a network;
 * a browser does not try the same file twice for one document, so what helps then is to load the page anew.
 */
export class Later<A> {
  /** The part, once it is here. */
  value = $state.raw<A>()
  failed = $state.raw(false)

  readonly #load: () => Promise<A>
  #asked = false

  constructor(load: () => Promise<A>) {
    this.#load = load
  }

  /** Asks for it, once. */
  want = (): void => {
    if (this.#asked) return
    this.#asked = true
    void this.#get()
  }

  async #get(): Promise<void> {
    try {
      this.value = await this.#load()
    } catch {
      this.failed = true
    }
  }
}
