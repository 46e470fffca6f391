/** Bounds of isolated plugins: time, memory and what they may say. */

/** Where a plugin runs beside the backend. */
export type Level = "worker" | "process"

export interface Bounds {
  /** A host that is not ready so long after its start is ended, in milliseconds. The import of the plugin has 10 s of it. */
  readonly startMs: number
  /** Between two looks whether a host still answers, in milliseconds … */
  readonly pingEveryMs: number
  /** … and how long it has to answer. Twice in a row: it may have been the backend that stood still. */
  readonly pingMs: number
  /** A lost host is started again after a random time up to this, in milliseconds, that doubles from crash to crash … */
  readonly backoffMs: number
  /** … up to this. */
  readonly maxBackoffMs: number
  /** A host that lived so long, in milliseconds, starts the count of crashes anew. */
  readonly stableMs: number
  /** Heap of JavaScript that a plugin may use, in MiB. */
  readonly heapMb: number
  /** Memory of a process and of what it has started beside that heap: the program itself, and buffers, in MiB. */
  readonly beyondHeapMb: number
  /** Processes that a plugin in a process of its own may have at once, itself included. */
  readonly processes: number
}

export const bounds: Bounds = {
  startMs: 15_000,
  pingEveryMs: 2_000,
  pingMs: 5_000,
  backoffMs: 500,
  maxBackoffMs: 30_000,
  stableMs: 60_000,
  heapMb: 256,
  beyondHeapMb: 512,
  processes: 64
}

/** So many crashes in a row are a loop, and worth telling. */
export const loopCrashes = 3

/** A process that was asked to end has so long, in milliseconds; then it and what it started are ended by force. */
export const endMs = 1_000

/** Characters of a line of a plugin's output that are logged. */
export const maxLineLength = 1_000

/** Lines that are logged in one window of time, in milliseconds; the others are counted. */
export const maxLines = 100
export const linesWindowMs = 10_000

/** Texts that are hidden at once, the latest: the lines of some twenty keys, or a thousand rotated tokens. */
export const maxHidden = 1_000

/** Variables of the backend's environment that a plugin gets. Others may hold secrets. */
export const passedVariables = [
  "PATH",
  "HOME",
  "LANG",
  "LC_ALL",
  "TZ",
  "TMPDIR",
  "TEMP",
  "SystemRoot",
  "NODE_EXTRA_CA_CERTS",
  "SSL_CERT_FILE",
  "SSL_CERT_DIR"
] as const
