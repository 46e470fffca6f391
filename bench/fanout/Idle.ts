/** Memory of watchers that have nothing to read. */
import { setTimeout as sleep } from "node:timers/promises"
import { number, type Table } from "../Report.ts"
import { emptyTally, open } from "../Watchers.ts"
import type { Gateway } from "./Gateway.ts"

const idling = 2_000
/**
 * What the first ones cost stays out of it: they make room for young objects, once, and stay, so that those that are
 * counted find no place that others have left.
 */
const first = 1_000
/** After they have come, until memory is looked at, in milliseconds. */
const restMs = 500

/** In KiB each. */
const idle = async ({ door, it }: Gateway): Promise<number> => {
  const openSome = (count: number) =>
    open(
      Array.from({ length: count }, () => door("idle")),
      emptyTally()
    )
  const stay = await openSome(first)
  await sleep(restMs)
  const before = (await it.figures("collect")).rss
  const watchers = await openSome(idling)
  await sleep(restMs)
  const after = (await it.figures("collect")).rss
  for (const watcher of [...stay, ...watchers]) watcher.close()
  return (after - before) / idling / 1_024
}

export const idles = async (
  gateways: ReadonlyArray<Gateway>
): Promise<{ readonly table: Table; readonly kib: number }> => {
  const found: Array<readonly [string, number]> = []
  for (const gateway of gateways) found.push([gateway.name, await idle(gateway)])
  return {
    table: {
      title: `${number(idling)} idle watchers of one worker`,
      columns: ["gateway", "KiB each"],
      rows: found.map(([name, each]) => [name, number(each)])
    },
    kib: found[0]![1]
  }
}
