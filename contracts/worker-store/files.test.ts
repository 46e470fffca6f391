/** The suite over files: as they are used, and with segments so small that every few commits make a checkpoint. */
import { Effect } from "effect"
import * as FileWorkerStore from "../../src/adapters/stores/FileWorkerStore.ts"
import { suite } from "./suite.ts"
import { temporaryFolder } from "./temporaryFolder.ts"

const open = (limits: Partial<FileWorkerStore.Options>) =>
  Effect.map(temporaryFolder, (folder) => FileWorkerStore.layer({ root: `${folder}/store`, ...limits }))

suite("files", open({}))

suite("files, small segments", open({ firstSegmentBytes: 2_048, maxSegmentBytes: 4_096, maxUnsavedBytes: 16_384 }))
