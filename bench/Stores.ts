/** Stores with much in them, made by the product's own adapter. */
import { execFile } from "node:child_process"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { root } from "./Process.ts"

const script = fileURLToPath(new URL("./contenders/populate.ts", import.meta.url))
const run = promisify(execFile)

/** Workers are named `prefix-00000`, and on. */
export const populate = async (folder: string, workers: number, itemsEach: number, prefix = "w"): Promise<void> => {
  await run(process.execPath, [script, folder, root, String(workers), String(itemsEach), prefix])
}
