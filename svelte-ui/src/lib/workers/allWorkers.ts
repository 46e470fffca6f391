/** The list of workers as far as it was asked for: page after page, as one answer. */
import type { Outcome } from "#lib/api/problem.ts"
import type { Source, Worker } from "#lib/api/wire.ts"
import { listWorkers, type WorkerFilter } from "#lib/api/workers.ts"

export interface Workers {
  readonly items: ReadonlyArray<Worker>
  readonly sources: ReadonlyArray<Source>
  readonly more: boolean
}

/**
 * @param pages how many pages to read at most
 * @param list replaceable for tests
 */
export const readWorkers = async (
  filter: WorkerFilter,
  pages: number,
  signal: AbortSignal,
  list: typeof listWorkers = listWorkers
): Promise<Outcome<Workers>> => {
  const items = new Map<string, Worker>()
  const sources = new Map<string, Source>()
  let cursor: string | undefined
  for (let page = 0; page < pages; page++) {
    // Each page names the next.
    // oxlint-disable-next-line no-await-in-loop
    const outcome = await list({ ...filter, cursor }, signal)
    if (!outcome.ok) return outcome
    // Workers come and go between two pages: one that is on both is shown once.
    for (const worker of outcome.value.items) items.set(`${worker.runtime_id}/${worker.worker_id}`, worker)
    for (const source of outcome.value.sources ?? [])
      if (sources.get(source.runtime_id)?.state !== "failed") sources.set(source.runtime_id, source)
    cursor = outcome.value.next_cursor ?? undefined
    if (cursor === undefined) break
  }
  return {
    ok: true,
    etag: undefined,
    value: { items: [...items.values()], sources: [...sources.values()], more: cursor !== undefined }
  }
}
