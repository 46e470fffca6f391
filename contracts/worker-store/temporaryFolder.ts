/** A folder of this machine for one case, gone with its scope. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect } from "effect"

export const temporaryFolder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "worker-store-"))),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
)
