/** The workers that an engine hosts, in the order of their creation, and how many there are in each state. */
import type { WorkerId } from "../Identifiers.ts"
import { type WorkerCounts, WorkerState } from "../Worker.ts"
import type { HostedWorker } from "./HostedWorker.ts"

interface Place {
  readonly hosted: HostedWorker
  /** Never given twice, so that it is found by halving whoever has left in between. */
  readonly order: number
}

/** Lists and counts are kept as workers come, go and change: nothing that is asked often walks all of them. */
export class HostedWorkers {
  readonly #byId = new Map<WorkerId, Place>()
  readonly #places: Array<Place> = []
  readonly #counts = Object.fromEntries(WorkerState.literals.map((state) => [state, 0])) as Record<WorkerState, number>
  #given = 0

  get size(): number {
    return this.#byId.size
  }

  /** As of now; it does not change afterwards. */
  get counts(): WorkerCounts {
    return { ...this.#counts }
  }

  has(worker_id: WorkerId): boolean {
    return this.#byId.has(worker_id)
  }

  get(worker_id: WorkerId): HostedWorker | undefined {
    return this.#byId.get(worker_id)?.hosted
  }

  /** Puts it last. Its id must be free. */
  add(hosted: HostedWorker): void {
    const place = { hosted, order: this.#given++ }
    this.#byId.set(hosted.worker.worker_id, place)
    this.#places.push(place)
    this.#counts[hosted.worker.state] += 1
    hosted.onState = (from, to) => {
      this.#counts[from] -= 1
      this.#counts[to] += 1
    }
  }

  delete(worker_id: WorkerId): void {
    const place = this.#byId.get(worker_id)
    if (place === undefined) return
    this.#byId.delete(worker_id)
    this.#places.splice(this.#indexOf(place), 1)
    this.#counts[place.hosted.worker.state] -= 1
    place.hosted.onState = undefined
  }

  /** Those that were created after a worker that is hosted; all without one. */
  *after(worker_id: WorkerId | undefined): Generator<HostedWorker, void> {
    const from = worker_id === undefined ? undefined : this.#byId.get(worker_id)
    for (let at = from === undefined ? 0 : this.#indexOf(from) + 1; at < this.#places.length; at++) {
      yield this.#places[at]!.hosted
    }
  }

  #indexOf({ order }: Place): number {
    let low = 0
    let high = this.#places.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#places[middle]!.order < order) low = middle + 1
      else high = middle
    }
    return low
  }
}
