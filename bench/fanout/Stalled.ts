/** Watchers that stop reading: what they cost, when they are cut, and what healthy ones beside them notice. */
import { number, type Table, within } from "../Report.ts"
import { socketCount } from "../ProcStat.ts"
import { quantile, type Spread, spread } from "../Spread.ts"
import { emptyTally, open, type Tally } from "../Watchers.ts"
import { type Gateway, speak } from "./Gateway.ts"
import { durableEvery } from "./Steady.ts"

const stalledCount = 5
const healthyCount = 20
/** Large enough that a socket that nobody reads is full soon. */
const length = 1_000
const rate = 4_000
/** Long enough for the gateway to cut what does not drain, in milliseconds. */
const stalledMs = 11_000
const aloneMs = 4_000
const windowMs = 500
/** By then every one that stalls is full, and none has been cut, in milliseconds. */
const weighAfterMs = 4_000

export interface Stalled {
  readonly table: Table
  readonly mib: number
  /** From when they stop reading, in seconds. */
  readonly cutAfter: number
  /** p99 of the healthy ones, beside ÷ alone. */
  readonly relative: Spread
}

/** One run, looked at twice a second: how late deliveries are. */
const observed = async (gateway: Gateway, milliseconds: number, tally: Tally, look: () => void) => {
  const p99: Array<number> = []
  const timer = setInterval(() => {
    const { latencies } = tally
    tally.latencies = []
    if (latencies.length > 0) p99.push(quantile(latencies, 0.99))
    look()
  }, windowMs)
  const run = { rate, workers: ["stalled"], length, durableEvery, milliseconds }
  const { expected } = await speak(gateway, run, healthyCount, tally)
  clearInterval(timer)
  return { p99, missing: expected - tally.received }
}

const inMilliseconds = ({ high, low, max, median, min }: Spread): Spread => ({
  median: median / 1_000,
  low: low / 1_000,
  high: high / 1_000,
  min: min / 1_000,
  max: max / 1_000
})

export const stalled = async (gateway: Gateway): Promise<Stalled> => {
  const { door, it } = gateway
  const tally = emptyTally()
  const some = (count: number) => Array.from({ length: count }, () => door("stalled"))
  const healthy = await open(some(healthyCount), tally)
  await observed(gateway, aloneMs / 2, tally, () => undefined)
  // Not the memory of the process: what collections give back to the system hides what five sockets hold.
  const used = async () => {
    const { external, heapUsed } = await it.figures("collect")
    return external + heapUsed
  }
  const before = await used()
  const alone = await observed(gateway, aloneMs, tally, () => undefined)
  const lazy = await open(some(stalledCount), emptyTally())
  for (const watcher of lazy) watcher.socket.pause()
  const sockets = socketCount(it.pid)
  const started = performance.now()
  let cutAfter = Number.POSITIVE_INFINITY
  let held = Number.NaN
  const weigh = setTimeout(() => void used().then((now) => (held = now - before)), weighAfterMs)
  const beside = await observed(gateway, stalledMs, tally, () => {
    const gone = socketCount(it.pid) <= sockets - stalledCount
    if (gone) cutAfter = Math.min(cutAfter, (performance.now() - started) / 1_000)
  })
  clearTimeout(weigh)
  for (const watcher of [...healthy, ...lazy]) watcher.close()
  const mib = Math.max(0, held) / stalledCount / 2 ** 20
  const row = [
    gateway.name,
    number(spread(alone.p99).median / 1_000),
    within(inMilliseconds(spread(beside.p99))),
    number(mib),
    number(cutAfter),
    number(beside.missing)
  ]
  return {
    table: {
      title: `${stalledCount} watchers that stop reading beside ${healthyCount} healthy ones, ${number(rate)} events/s of 1 kB`,
      columns: ["gateway", "p99 alone ms", "p99 beside ms", "MiB per stalled", "all cut after s", "healthy lost"],
      rows: [row]
    },
    mib,
    cutAfter,
    relative: spread(beside.p99.map((value) => value / quantile(alone.p99, 0.5)))
  }
}
