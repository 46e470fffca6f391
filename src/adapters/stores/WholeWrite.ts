/** Writes everything or fails. A full disk takes a part first and refuses the rest; both are seen here. */
import { Effect } from "effect"
import { DiskFailure, type OpenFile } from "./Disk.ts"

const after = (bytes: ReadonlyArray<Uint8Array>, taken: number): ReadonlyArray<Uint8Array> => {
  let skip = taken
  let index = 0
  while (index < bytes.length && skip >= bytes[index]!.length) skip -= bytes[index++]!.length
  const rest = bytes.slice(index)
  return skip === 0 ? rest : [rest[0]!.subarray(skip), ...rest.slice(1)]
}

export const writeAll = Effect.fnUntraced(function* (
  file: OpenFile,
  bytes: ReadonlyArray<Uint8Array>,
  position: number
) {
  let rest = bytes
  let at = position
  while (rest.length > 0) {
    const taken = yield* file.write(rest, at)
    if (taken === 0) return yield* new DiskFailure({ operation: "write", code: "ENOSPC" })
    at += taken
    rest = after(rest, taken)
  }
})
