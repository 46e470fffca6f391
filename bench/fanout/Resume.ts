/** All watchers lose their connection at once and come back with their cursors while events go on. */
import type { Run } from "../contenders/eventSource.ts"
import { number, type Table } from "../Report.ts"
import { quantile } from "../Spread.ts"
import { emptyTally, open, Watcher } from "../Watchers.ts"
import { type Gateway, settled, speak } from "./Gateway.ts"
import { textLength } from "./Steady.ts"

const resuming = 1_000

export interface Resumed {
  readonly table: Table
  readonly wrong: number
  /** Until the first event, in milliseconds. */
  readonly p99: number
}

export const resume = async (gateway: Gateway): Promise<Resumed> => {
  const tally = emptyTally()
  const door = gateway.door("resumed")
  const first = await open(
    Array.from({ length: resuming }, () => door),
    tally
  )
  const run = { rate: 50, workers: ["resumed"], length: textLength, durableEvery: 1 }
  await speak(gateway, { ...run, milliseconds: 500 }, resuming, tally)
  const lasts = first.map((watcher) => ({ last: watcher.last, cursor: watcher.resumeFrom }))
  for (const watcher of first) watcher.close()
  const sent = await gateway.source.ask<number>({ run: { ...run, milliseconds: 1_000 } satisfies Run })
  const times: Array<number> = []
  const again = emptyTally()
  const back: Array<Watcher> = []
  for (const { last, cursor } of lasts) {
    const started = performance.now()
    const greeting = door.greeting.replace(" HTTP/1.1", `?cursor=${encodeURIComponent(cursor)} HTTP/1.1`)
    const watcher = new Watcher({ ...door, greeting }, again, last)
    await new Promise<void>((resolve) => {
      watcher.onFirst = resolve
    })
    times.push(performance.now() - started)
    back.push(watcher)
  }
  const expected = sent * resuming
  await settled(again, expected)
  for (const watcher of back) watcher.close()
  const lost = expected - again.received + again.lost
  const p99 = quantile(times, 0.99)
  return {
    table: {
      title: `${number(resuming)} watchers that come back with their cursor`,
      columns: ["gateway", "lost", "twice", "p50 to the first event ms", "p99 ms"],
      rows: [[gateway.name, number(lost), number(again.duplicated), number(quantile(times, 0.5)), number(p99)]]
    },
    wrong: lost + again.duplicated,
    p99
  }
}
