/** A connection test as it runs: one line of JSON for each step, and the report as the last. */
import { Effect, Queue, Stream } from "effect"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import type { ConnectionEntry } from "../../domain/Connection.ts"
import type { ConnectionTest, Step, TestOptions, TestReport } from "../../domain/ConnectionTest.ts"

type Line = { readonly kind: "step"; readonly step: Step } | { readonly kind: "report"; readonly report: TestReport }

/** Whoever reads them may go: the test ends with them. */
export const respond = (tester: ConnectionTest["Service"], entry: ConnectionEntry, options: TestOptions) => {
  const lines = Stream.callback<Line>((queue) =>
    tester.run(entry, { ...options, onStep: (step) => Queue.offer(queue, { kind: "step", step }) }).pipe(
      Effect.flatMap((report) => Queue.offer(queue, { kind: "report", report })),
      Effect.andThen(Queue.end(queue))
    )
  )
  return HttpServerResponse.stream(
    lines.pipe(
      Stream.map((line) => `${JSON.stringify(line)}\n`),
      Stream.encodeText
    ),
    // Some proxies hold an answer back until it is whole.
    { contentType: "application/x-ndjson", headers: { "x-accel-buffering": "no" } }
  )
}
