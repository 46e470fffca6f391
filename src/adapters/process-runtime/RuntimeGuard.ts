/**
 * Loaded into a runtime before its program. Ends it when the backend that started it is gone, in whatever way that went,
 * and tells that backend what the process uses when it asks.
 */

/** A runtime that has lost its backend has so long to end in order, in milliseconds. */
const lastMs = 15_000

process.on("disconnect", () => {
  setTimeout(() => process.kill(process.pid, "SIGKILL"), lastMs).unref()
  process.kill(process.pid, "SIGTERM")
})

process.on("message", () => {
  const { system, user } = process.cpuUsage()
  process.send?.({ rss_bytes: process.memoryUsage.rss(), cpu_ms: Math.round((system + user) / 1_000) })
})

// To listen must not keep a runtime alive that has nothing left to do.
process.channel?.unref()
