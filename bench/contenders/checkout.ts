/** The file store of the checkout that is measured. */
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import type * as FileWorkerStore from "../../src/adapters/stores/FileWorkerStore.ts"
import type * as WorkerStore from "../../src/domain/WorkerStore.ts"

export const storeOf = async (checkout: string) => {
  const load = (path: string): Promise<unknown> => import(pathToFileURL(join(checkout, path)).href)
  const adapter = (await load("src/adapters/stores/FileWorkerStore.ts")) as typeof FileWorkerStore
  const port = (await load("src/domain/WorkerStore.ts")) as typeof WorkerStore
  return { layer: adapter.layer, WorkerStore: port.WorkerStore }
}
