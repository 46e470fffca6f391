/** Calls by operation and code. The series are made once, so counting a call costs two map look-ups. */
import { Effect, Metric } from "effect"

const requests = Metric.counter("yoi_requests_total", {
  description: "Requests by operation and code; the code of a success is ok.",
  incremental: true
})

const durations = Metric.histogram("yoi_request_duration_seconds", {
  description: "Time from the request's headers to its answer, by operation. Streams are not in it.",
  boundaries: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
})

export interface RequestMetrics {
  /** @param seconds undefined for what has no meaningful duration */
  readonly count: (operation: string, code: string, seconds: number | undefined) => void
}

export const make = Effect.map(Effect.context<never>(), (context): RequestMetrics => {
  const counters = new Map<string, typeof requests>()
  const timers = new Map<string, typeof durations>()
  return {
    count: (operation, code, seconds) => {
      const key = `${operation} ${code}`
      let counter = counters.get(key)
      if (counter === undefined) counters.set(key, (counter = Metric.withAttributes(requests, { operation, code })))
      counter.updateUnsafe(1, context)
      if (seconds === undefined) return
      let timer = timers.get(operation)
      if (timer === undefined) timers.set(operation, (timer = Metric.withAttributes(durations, { operation })))
      timer.updateUnsafe(seconds, context)
    }
  }
})
