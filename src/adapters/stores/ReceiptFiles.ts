/** Receipts, one file for each checkpoint that had any. A file goes when its last receipt has expired. */
import { Effect, Schema } from "effect"
import type { Receipt } from "../../domain/WorkerStore.ts"
import * as CheckedLines from "./CheckedLines.ts"
import type { Disk } from "./Disk.ts"
import { ReceiptBook } from "./ReceiptBook.ts"
import { type ReceiptFile, report, type StoreState } from "./StoreState.ts"
import { writeAll } from "./WholeWrite.ts"

/** Files beyond this many are made into one, so that many short runs do not leave many small files. */
export const maxReceiptFiles = 64

export const StoredReceipt = Schema.Struct({
  key: Schema.String,
  fingerprint: Schema.String,
  answer: Schema.Unknown,
  expires_at: Schema.Finite
})
const decode = Schema.decodeUnknownOption(Schema.fromJsonString(StoredReceipt))

const writeFile = Effect.fnUntraced(function* (
  disk: Disk,
  folder: string,
  name: string,
  receipts: ReadonlyArray<Receipt>
) {
  const file = yield* disk.open(`${folder}/${name}`, "write")
  const bytes = Buffer.from(receipts.map((receipt) => CheckedLines.encode(JSON.stringify(receipt))).join(""))
  yield* file
    .truncate(0)
    .pipe(Effect.andThen(writeAll(file, [bytes], 0)), Effect.andThen(file.sync), Effect.ensuring(file.close))
  yield* disk.syncFolder(folder)
  const expires_at = receipts.reduce((latest, receipt) => Math.max(latest, receipt.expires_at), 0)
  const written: ReceiptFile = { name, count: receipts.length, expires_at }
  return written
})

/** Every receipt of the files that has not expired, oldest first. A file or line that cannot be read is reported. */
const readFiles = Effect.fnUntraced(function* (
  disk: Disk,
  folder: string,
  state: StoreState,
  book: ReceiptBook,
  now: number
) {
  for (const { name, expires_at } of state.receiptFiles) {
    if (expires_at < now) continue
    const file = yield* disk.readFile(`${folder}/${name}`).pipe(
      Effect.catchIf(
        (cause) => cause.code === "ENOENT",
        () => Effect.void
      )
    )
    let lost = file === undefined
    for (const line of file === undefined ? [] : CheckedLines.lines(file)) {
      const receipt = line === undefined ? undefined : decode(line)
      if (receipt?._tag === "Some") book.put(receipt.value, now)
      else lost = true
    }
    if (!lost) continue
    report(state, {
      code: "store.receipts_damaged",
      severity: "warning",
      message: "Some idempotency receipts could not be read; a repeated command may run again."
    })
  }
})

/** All receipts that are in force. */
export const read = Effect.fnUntraced(function* (
  disk: Disk,
  folder: string,
  state: StoreState,
  max: number,
  now: number
) {
  const book = new ReceiptBook(max)
  const recent = [...state.receipts]
  yield* readFiles(disk, folder, state, book, now)
  for (const receipt of recent) book.put(receipt, now)
  return book.current(now)
})

/** Writes what only the log has, and lets go of files that are expired or too many. `name` is not in use yet. */
export const save = Effect.fnUntraced(function* (
  disk: Disk,
  folder: string,
  state: StoreState,
  options: { readonly name: string; readonly max: number; readonly now: number }
) {
  const { name, max, now } = options
  const taken = state.receipts.length
  let files = state.receiptFiles.filter((file) => file.expires_at >= now)
  if (files.length >= maxReceiptFiles) {
    const all = yield* read(disk, folder, state, max, now)
    files = [yield* writeFile(disk, folder, name, all)]
  } else if (taken > 0) {
    files = [...files, yield* writeFile(disk, folder, name, state.receipts.slice(0, taken))]
  }
  let total = files.reduce((sum, file) => sum + file.count, 0)
  let dropped = 0
  while (files.length > 1 && total - files[0]!.count >= max) {
    dropped += files[0]!.count
    total -= files[0]!.count
    files = files.slice(1)
  }
  state.receipts = state.receipts.slice(taken)
  state.receiptFiles = files
  state.forgotten += dropped
})
