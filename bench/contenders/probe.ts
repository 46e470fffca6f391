/**
 * Loaded before every measured Node process, ours and others alike: tells over IPC how it collects garbage and what
 * memory it holds. Changes nothing else.
 */
import { constants, PerformanceObserver } from "node:perf_hooks"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"

/** Milliseconds. */
export interface Figures {
  minorCount: number
  minorMax: number
  minorTotal: number
  majorMax: number
  majorTotal: number
  readonly rss: number
  readonly heapUsed: number
  /** What buffers hold outside of the heap. */
  readonly external: number
}

const gc = { minorCount: 0, minorMax: 0, minorTotal: 0, majorMax: 0, majorTotal: 0 }

const observer = new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) {
    const { kind } = (entry as unknown as { readonly detail: { readonly kind: number } }).detail
    if (kind === constants.NODE_PERFORMANCE_GC_MINOR) {
      gc.minorCount += 1
      gc.minorTotal += entry.duration
      gc.minorMax = Math.max(gc.minorMax, entry.duration)
    } else if (kind === constants.NODE_PERFORMANCE_GC_MAJOR) {
      gc.majorTotal += entry.duration
      gc.majorMax = Math.max(gc.majorMax, entry.duration)
    }
  }
})

const collect = (): void => {
  setFlagsFromString("--expose-gc")
  const run = runInNewContext("gc") as (how: object) => void
  // Pages that are nearly empty are given back, as V8 does by itself in a process that rests.
  run({ type: "major", execution: "sync", flavor: "last-resort" })
}

if (process.send !== undefined) {
  observer.observe({ entryTypes: ["gc"] })
  process.on("message", (message: { probe?: "reset" | "figures" | "collect" }) => {
    if (message.probe === "reset")
      Object.assign(gc, { minorCount: 0, minorMax: 0, minorTotal: 0, majorMax: 0, majorTotal: 0 })
    else if (message.probe === undefined) return
    if (message.probe === "collect") collect()
    const { rss, heapUsed, external } = process.memoryUsage()
    process.send?.({ probe: { ...gc, rss, heapUsed, external } satisfies Figures })
  })
  process.channel?.unref()
}
