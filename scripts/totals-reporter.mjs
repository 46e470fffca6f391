/** Vitest reporter: leaves the real counts of a run, as JSON, in the file that YOI_TEST_TOTALS names. */
import { writeFileSync } from "node:fs"

/** @import { Reporter, TestModule } from "vitest/node" */

/** A file that failed without a failed test (it does not load, or a hook threw) counts as one failure. @param {TestModule} file */
const countsOf = (file) => {
  const counts = { passed: 0, failed: 0, skipped: 0, pending: 0 }
  for (const test of file.children.allTests()) counts[test.result().state] += 1
  if (file.state() === "failed" && counts.failed === 0) counts.failed = 1
  return counts
}

/** @implements {Reporter} */
export default class TotalsReporter {
  /** @type {NonNullable<Reporter["onTestRunEnd"]>} */
  onTestRunEnd(files, unhandledErrors) {
    const totals = { passed: 0, failed: unhandledErrors.length, skipped: 0 }
    for (const file of files) {
      const counts = countsOf(file)
      totals.passed += counts.passed
      totals.failed += counts.failed
      totals.skipped += counts.skipped + counts.pending
    }
    if (process.env.YOI_TEST_TOTALS) writeFileSync(process.env.YOI_TEST_TOTALS, JSON.stringify(totals))
  }
}
