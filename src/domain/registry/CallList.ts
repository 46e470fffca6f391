/**
 * Calls in the order in which they began, each of which may leave at any time. Not a Set: V8 chains the tables of one to
 * each other, so that a table which a full collection has moved to the old generation keeps every later one alive, with
 * all that was in it, until the next full collection. A call that has left this list holds on to nothing.
 */

/** A member carries its own place. */
export class Listed {
  /** Of the list alone. */
  before: Listed | undefined = undefined
  after: Listed | undefined = undefined
}

export class CallList<A extends Listed> {
  /** Begins and ends the ring. */
  readonly #ring = new Listed()

  constructor() {
    this.#ring.before = this.#ring
    this.#ring.after = this.#ring
  }

  /** The one that began first. */
  get first(): A | undefined {
    const { after } = this.#ring
    return after === this.#ring ? undefined : (after as A)
  }

  /** Those for which it holds, in order. What is done with one of them may remove others. */
  select(holds: (call: A) => boolean): ReadonlyArray<A> {
    const found: Array<A> = []
    for (let at = this.#ring.after!; at !== this.#ring; at = at.after!) if (holds(at as A)) found.push(at as A)
    return found
  }

  /** Puts it last. It must not be in a list. */
  add(call: A): void {
    const last = this.#ring.before!
    call.before = last
    call.after = this.#ring
    last.after = call
    this.#ring.before = call
  }

  /** Tells whether it was there. */
  remove(call: A): boolean {
    const { after, before } = call
    if (after === undefined || before === undefined) return false
    before.after = after
    after.before = before
    call.before = undefined
    call.after = undefined
    return true
  }
}
