/** Statistics of paired rounds. Ratios are taken within a round, so that what the machine does meanwhile cancels out. */

export interface Spread {
  readonly median: number
  /** First and third quartile. */
  readonly low: number
  readonly high: number
  readonly min: number
  readonly max: number
}

/** Linear between neighbours, so that few rounds do not all give the same answer. */
export const quantile = (values: ReadonlyArray<number>, at: number): number => {
  const sorted = values.toSorted((a, b) => a - b)
  if (sorted.length === 0) return Number.NaN
  const place = (sorted.length - 1) * at
  const below = sorted[Math.floor(place)]!
  const above = sorted[Math.ceil(place)]!
  return below + (above - below) * (place - Math.floor(place))
}

export const spread = (values: ReadonlyArray<number>): Spread => ({
  median: quantile(values, 0.5),
  low: quantile(values, 0.25),
  high: quantile(values, 0.75),
  min: quantile(values, 0),
  max: quantile(values, 1)
})

/** Round by round. */
export const ratios = (a: ReadonlyArray<number>, b: ReadonlyArray<number>): ReadonlyArray<number> =>
  a.map((value, round) => value / b[round]!)

export const ratio = (a: ReadonlyArray<number>, b: ReadonlyArray<number>): Spread => spread(ratios(a, b))

export interface Goal {
  readonly is: "at least" | "at most"
  readonly than: number
}

export type Verdict = "met" | "missed" | "no verdict"

/** No verdict where the quartiles lie on both sides of the goal. */
export const judge = ({ low, high }: Spread, { is, than }: Goal): Verdict => {
  if (!Number.isFinite(low) || !Number.isFinite(high)) return "no verdict"
  const holds = (value: number) => (is === "at least" ? value >= than : value <= than)
  if (holds(low) && holds(high)) return "met"
  return holds(low) || holds(high) ? "no verdict" : "missed"
}
