/**
 * The list of all that is in the store as of one checkpoint: heads of workers, bundles, and how much of each file counts.
 * Two copies are kept, so that no single damaged file takes more than one worker with it.
 */
import { Effect, Option, Schema } from "effect"
import { ConfigBundle } from "../../domain/ConfigBundle.ts"
import { Worker } from "../../domain/Worker.ts"
import * as CheckedLines from "./CheckedLines.ts"
import type { Disk, DiskFailure } from "./Disk.ts"
import type { Target } from "./LogWriter.ts"
import type { StoreState } from "./StoreState.ts"
import { writeAll } from "./WholeWrite.ts"

/** 1: an index has a checksum of its own for each item. 2: `WorkerFiles.sums`, and records of changes. */
export const format = 2

const Head = Schema.Struct({
  kind: Schema.Literal("store"),
  format: Schema.Int,
  epoch: Schema.String,
  generation: Schema.Int,
  lsn: Schema.Int,
  batch: Schema.Int,
  segment: Schema.Int,
  receipts: Schema.Array(Schema.Struct({ name: Schema.String, count: Schema.Int, expires_at: Schema.Finite })),
  forgotten: Schema.Int
})

const WorkerLine = Schema.Struct({
  kind: Schema.Literal("worker"),
  worker: Worker,
  log_epoch: Schema.String,
  lsn: Schema.Int,
  born: Schema.Int,
  items: Schema.Int,
  item_bytes: Schema.Int,
  events: Schema.Array(Schema.Struct({ first: Schema.Int, last: Schema.Int, bytes: Schema.Int }))
})
export type WorkerLine = typeof WorkerLine.Type

const Row = Schema.Union([
  Head,
  WorkerLine,
  Schema.Struct({ kind: Schema.Literal("bundle"), bundle: ConfigBundle }),
  Schema.Struct({ kind: Schema.Literal("damaged"), worker_id: Schema.String, reason: Schema.String }),
  Schema.Struct({ kind: Schema.Literal("end"), lines: Schema.Int })
])
type Row = typeof Row.Type
const decodeRow = Schema.decodeUnknownOption(Schema.fromJsonString(Row))

export interface Catalogue {
  readonly head: typeof Head.Type
  readonly workers: Map<string, WorkerLine>
  readonly bundles: Map<string, ConfigBundle>
  readonly damaged: Map<string, string>
  /** Every line was there and good. */
  readonly complete: boolean
}

const copies = ["catalogue.a", "catalogue.b"] as const
/** Lines encoded without letting anything else run: well below a millisecond. */
const linesPerTurn = 128

const turn = Effect.callback<void>((resume) => {
  setImmediate(() => resume(Effect.void))
})

function* rows(state: StoreState, target: Target): Generator<Row> {
  const { epoch, generation, forgotten } = state
  yield { kind: "store", format, epoch, generation, ...target, receipts: state.receiptFiles, forgotten }
  for (const { stored, lsn, born, saved } of state.workers.values()) {
    const { worker, log_epoch } = stored
    const { items, itemBytes: item_bytes, events } = saved
    yield { kind: "worker", worker, log_epoch, lsn, born, items, item_bytes, events }
  }
  for (const bundle of state.bundles.values()) yield { kind: "bundle", bundle }
  for (const [worker_id, reason] of state.damaged) yield { kind: "damaged", worker_id, reason }
}

/** Replaces both copies, one after the other, so that one of them is whole at any moment. */
export const write = Effect.fnUntraced(function* (disk: Disk, root: string, state: StoreState, target: Target) {
  state.generation += 1
  const parts: Array<Buffer> = []
  let pending = ""
  let count = 0
  for (const row of rows(state, target)) {
    pending += CheckedLines.encode(JSON.stringify(row))
    count += 1
    if (count % linesPerTurn !== 0) continue
    parts.push(Buffer.from(pending))
    pending = ""
    yield* turn
  }
  parts.push(Buffer.from(pending + CheckedLines.encode(JSON.stringify({ kind: "end", lines: count } satisfies Row))))
  for (const copy of copies) yield* replace(disk, root, copy, parts)
  state.format = format
})

const replace = Effect.fnUntraced(function* (disk: Disk, root: string, name: string, parts: ReadonlyArray<Buffer>) {
  const temporary = `${root}/${name}.new`
  const file = yield* disk.open(temporary, "write")
  yield* file
    .truncate(0)
    .pipe(Effect.andThen(writeAll(file, parts, 0)), Effect.andThen(file.sync), Effect.ensuring(file.close))
  yield* disk.rename(temporary, `${root}/${name}`)
  yield* disk.syncFolder(root)
})

const parse = (file: Buffer): Catalogue | undefined => {
  let head: Catalogue["head"] | undefined
  let good = 0
  let end: number | undefined
  let bad = false
  const workers = new Map<string, WorkerLine>()
  const bundles = new Map<string, ConfigBundle>()
  const damaged = new Map<string, string>()
  for (const line of CheckedLines.lines(file)) {
    const row = line === undefined ? undefined : decodeRow(line)
    if (row === undefined || row._tag === "None") {
      bad = true
      continue
    }
    const { value } = row
    if (value.kind === "end") end = value.lines
    else good += 1
    if (value.kind === "store") head = value
    else if (value.kind === "worker") workers.set(value.worker.worker_id, value)
    else if (value.kind === "bundle") bundles.set(value.bundle.id, value.bundle)
    else if (value.kind === "damaged") damaged.set(value.worker_id, value.reason)
  }
  return head && { head, workers, bundles, damaged, complete: !bad && end === good }
}

const readCopy = (disk: Disk, path: string): Effect.Effect<Buffer, DiskFailure> =>
  disk.readFile(path).pipe(
    Effect.catchIf(
      (cause) => cause.code === "ENOENT",
      () => Effect.succeed(Buffer.alloc(0))
    )
  )

/** Of a copy whose head is damaged nothing is told, as if it were not there. */
const generationOf = (file: Buffer): number => {
  const [line] = CheckedLines.lines(file)
  const row = line === undefined ? Option.none() : decodeRow(line)
  return Option.isSome(row) && row.value.kind === "store" ? row.value.generation : -1
}

/**
 * The newer copy, with what is damaged in it taken from the other, which is looked at for no other reason; nothing in a
 * store that was never finished.
 */
export const read = Effect.fnUntraced(function* (disk: Disk, root: string) {
  const [a, b] = yield* Effect.all(copies.map((copy) => readCopy(disk, `${root}/${copy}`)))
  const [newer, older] = generationOf(a!) >= generationOf(b!) ? [a!, b!] : [b!, a!]
  const best = parse(newer)
  if (best === undefined || best.complete) return best
  const other = parse(older)
  if (other === undefined) return best
  const merge = <A>(from: Map<string, A>, into: Map<string, A>) => {
    for (const [key, value] of from) if (!into.has(key)) into.set(key, value)
  }
  merge(other.workers, best.workers)
  merge(other.bundles, best.bundles)
  merge(other.damaged, best.damaged)
  // What came from the older copy has to be brought up to date from where that one ended.
  const head = { ...best.head, lsn: Math.min(best.head.lsn, other.head.lsn) }
  return { ...best, head, complete: other.complete }
})
