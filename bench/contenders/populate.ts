/** Fills a store through the product's own adapter: `populate.ts FOLDER CHECKOUT WORKERS ITEMS [PREFIX]`. */
import { Effect } from "effect"
import { Author } from "../../contracts/worker-store/Author.ts"
import { storeOf } from "./checkout.ts"

const [, , folder, checkout, workers, items, prefix = "w"] = process.argv as [
  string,
  string,
  string,
  string,
  string,
  string,
  string?
]
const product = await storeOf(checkout)
/** Items of one commit. */
const atOnce = 250
const said = "please look at the failing build once more and tell me why it is"

const fill = Effect.gen(function* () {
  const store = yield* product.WorkerStore
  yield* Effect.forEach(
    Array.from({ length: Number(workers) }, (_, at) => new Author(`${prefix}-${String(at).padStart(5, "0")}`)),
    Effect.fnUntraced(function* (author, at) {
      const created_at = new Date(1_700_000_000_000 + at).toISOString()
      yield* store.commit(author.next({ events: 1, worker: { created_at, updated_at: created_at, state: "stopped" } }))
      for (let done = 0; done < Number(items); done += atOnce) {
        const say = Array.from({ length: Math.min(atOnce, Number(items) - done) }, () => said)
        yield* store.commit(author.next({ say }))
      }
    }),
    { concurrency: 64, discard: true }
  )
})
await Effect.runPromise(Effect.provide(fill, product.layer({ root: folder })))
