/** Acknowledged changes per second, beside what the same disk gives without the product: in process, and over HTTP. */
import { inProcess } from "./append/InProcess.ts"
import { onSlowDisk } from "./append/SlowDisk.ts"
import { overHttp } from "./append/OverHttp.ts"
import type { Settings } from "./Contest.ts"
import type { Part } from "./Report.ts"

export const append = async (settings: Settings): Promise<Part> => {
  const parts = [await inProcess(settings), await onSlowDisk(settings), await overHttp(settings)]
  return {
    bench: "append",
    tables: parts.flatMap(({ tables }) => tables),
    goals: parts.flatMap(({ goals }) => goals)
  }
}
