/** Which disk the store writes to: the real one, unless a test says otherwise. */
import { Context } from "effect"
import type { Disk } from "./Disk.ts"
import { nodeDisk } from "./NodeDisk.ts"

export const StoreDisk: Context.Reference<Disk> = Context.Reference("yoi-workspace/adapters/stores/StoreDisk", {
  defaultValue: () => nodeDisk
})
