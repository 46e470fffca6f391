/** A file store on a simulated disk. */
import { Layer } from "effect"
import * as FileWorkerStore from "../../src/adapters/stores/FileWorkerStore.ts"
import { StoreDisk } from "../../src/adapters/stores/StoreDisk.ts"
import type { SimulatedDisk } from "./SimulatedDisk.ts"

/** Segments so small that a few commits fill one. */
export const small = { firstSegmentBytes: 2_048, maxSegmentBytes: 8_192, maxUnsavedBytes: 32_768 } as const

export const simulatedStore = (simulated: SimulatedDisk, limits: Partial<FileWorkerStore.Options> = small) =>
  FileWorkerStore.layer({ root: "/srv/store", ...limits }).pipe(Layer.provide(Layer.succeed(StoreDisk, simulated.disk)))
