/**
 * What a proxy adds to a request while it has half of what the slowest one carries: requests come when they are due,
 * whether or not earlier ones have been answered, and their time counts from when they were due.
 */
import { inTurns, type Settings } from "./Contest.ts"
import { Connection, statusOf } from "./HttpLoad.ts"
import type { Running } from "./Process.ts"
import { measured, type Measured, number, type Table, within } from "./Report.ts"
import { quantile, ratio, spread } from "./Spread.ts"

/** Requests under way at once; what is due beyond them waits, and its time counts. */
const connections = 64
/** Of a turn of the other parts: enough requests for a p99, and no more. */
const share = 0.6
/** After the last request is sent, in milliseconds. */
const answersMs = 5_000

interface Times {
  /** Microseconds. */
  readonly p50: number
  readonly p99: number
}

/**
 * Sends as many requests a second as asked for, for so many milliseconds: every millisecond those that have become due.
 * Waiting in between leaves the processor to the runtime behind the proxy, which has the same one.
 */
const paced = async (port: number, bytes: Buffer, perSecond: number, milliseconds: number): Promise<Times> => {
  const all = Array.from({ length: connections }, () => new Connection(port))
  const idle = [...all]
  /** When those that wait for a connection became due. */
  const waiting: Array<number> = []
  const times: Array<number> = []
  const started = performance.now()
  const count = Math.floor((perSecond * milliseconds) / 1_000)
  let due = 0
  let failed = 0
  const send = (since: number): void => {
    const connection = idle.pop()
    if (connection === undefined) return void waiting.push(since)
    connection.send(bytes, (answer) => {
      if (answer === undefined || statusOf(answer) >= 300) failed += 1
      else times.push((performance.now() - since) * 1_000)
      idle.push(connection)
      const next = waiting.shift()
      if (next !== undefined) send(next)
    })
  }
  await new Promise<void>((resolve) => {
    const tick = () => {
      const now = performance.now()
      const by = Math.min(count, Math.floor(((now - started) * perSecond) / 1_000))
      for (; due < by; due++) send(now)
      const over = due === count && times.length + failed === count
      if (over || now > started + milliseconds + answersMs) resolve()
      else setTimeout(tick, 1)
    }
    tick()
  })
  for (const connection of all) connection.close()
  if (times.length < count) throw new Error(`${count - times.length} of ${count} requests were not answered`)
  return { p50: quantile(times, 0.5), p99: quantile(times, 0.99) }
}

/**
 * @param field has the contenders `backend` and `dispatch`; each takes (rounds + 1) × 0.6 turns, as does the upstream
 * @param bytesOf a contender's request
 * @param carried requests a second that the slowest of them carries
 */
export const halfLoad = async (
  field: ReadonlyArray<Running>,
  upstream: Running,
  bytesOf: (it: Running) => Buffer,
  carried: number,
  { rounds, turnMs }: Settings
): Promise<{ readonly table: Table; readonly goals: ReadonlyArray<Measured> }> => {
  const perSecond = carried / 2
  const byName = new Map([upstream, ...field].map((it) => [it.name, it]))
  const found = await inTurns([...byName.keys()], rounds, (name) => {
    const it = byName.get(name)!
    return paced(it.port, bytesOf(it), perSecond, turnMs * share)
  })
  const times = (name: string, which: keyof Times) => found.get(name)!.map((it) => it[which])
  const added = (name: string, which: keyof Times) => {
    const direct = times(upstream.name, which)
    return times(name, which).map((value, round) => value - direct[round]!)
  }
  const row = (name: string) => [
    name,
    number(spread(times(name, "p50")).median),
    within(spread(added(name, "p50"))),
    number(spread(times(name, "p99")).median),
    within(spread(added(name, "p99"))),
    within(ratio(added(name, "p99"), added("dispatch", "p99")))
  ]
  const table: Table = {
    title: `At ${number(Math.round(perSecond / 100) * 100)} requests/s, half of what the slowest proxy carries: time that the proxy adds (µs)`,
    columns: ["proxy", "p50", "added", "p99", "added", "added p99 ÷ dispatch"],
    rows: [
      [
        upstream.name,
        number(spread(times(upstream.name, "p50")).median),
        "0",
        number(spread(times(upstream.name, "p99")).median),
        "0",
        "–"
      ],
      ...field.map(({ name }) => row(name))
    ],
    notes: [
      "Every millisecond brings those that are due, whatever has been answered; the time of one that waits for a connection counts from then."
    ]
  }
  const goal = measured(
    "added p99 at half load ÷ dispatch",
    { is: "at most", than: 2 },
    ratio(added("backend", "p99"), added("dispatch", "p99"))
  )
  return { table, goals: [goal] }
}
