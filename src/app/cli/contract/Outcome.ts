/** What came of one interaction. */

export type Outcome =
  | { readonly _tag: "passed" }
  | { readonly _tag: "skipped"; readonly why: string }
  | {
      readonly _tag: "failed"
      readonly differences: ReadonlyArray<string>
      /** A command line that shows the same answer. */
      readonly reproduce?: string
    }

export interface Checked {
  readonly name: string
  readonly state: string
  readonly outcome: Outcome
}

export const failed = (differences: ReadonlyArray<string>, reproduce?: string): Outcome => ({
  _tag: "failed",
  differences,
  ...(reproduce === undefined ? undefined : { reproduce })
})

export const verdict = (differences: ReadonlyArray<string>, reproduce?: string): Outcome =>
  differences.length === 0 ? { _tag: "passed" } : failed(differences, reproduce)

export const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

export const member = (value: unknown, name: string): unknown => (isRecord(value) ? value[name] : undefined)
