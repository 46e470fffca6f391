/**
 * Events through the backend to many watchers, beside a hub on `ws` that does nothing but pass frames on, and beside what
 * else the machine has for it. Each gateway has a source of its own, and only the one whose turn it is has anything to do.
 */
import { mkdirSync } from "node:fs"
import { join } from "node:path"
import { backend } from "./Backend.ts"
import type { Settings } from "./Contest.ts"
import { type Gateway, speaksAsBackend } from "./fanout/Gateway.ts"
import { idles } from "./fanout/Idle.ts"
import { resume } from "./fanout/Resume.ts"
import { passThrough, rivals } from "./fanout/Rivals.ts"
import { stalled } from "./fanout/Stalled.ts"
import { play, reference, type Scenario } from "./fanout/Steady.ts"
import { contender, during, loadCores } from "./Process.ts"
import { exactly, measured, type Measured, type Part, type Table } from "./Report.ts"
import type { Goal } from "./Spread.ts"

/** What is asked of a scenario: µs per delivery, and the same as a share of another gateway's. */
interface Asked extends Scenario {
  readonly micros?: number
  readonly relative: Readonly<Record<string, number>>
}

const scenarios: ReadonlyArray<Asked> = [
  {
    title: "100 watchers × 2 000 events/s",
    workers: 1,
    watchersEach: 100,
    rate: 2_000,
    micros: 1.2,
    relative: { [reference]: 2, Redis: 1, NATS: 1 }
  },
  {
    title: "100 watchers × 10 000 events/s",
    workers: 1,
    watchersEach: 100,
    rate: 10_000,
    relative: { [passThrough]: 2, Redis: 1, NATS: 1, nginx: 1 }
  },
  {
    title: "1 000 watchers × 50 events/s",
    workers: 1,
    watchersEach: 1_000,
    rate: 50,
    micros: 8.7,
    relative: { [reference]: 1.3, [passThrough]: 1.9, Redis: 1, NATS: 1 }
  },
  {
    title: "1 000 workers × 1 watcher × 5 events/s",
    workers: 1_000,
    watchersEach: 1,
    rate: 5,
    // A connection for each worker and nothing to share: that is no limit, and a broker hears all workers on one.
    without: [passThrough, "Redis", "NATS"],
    relative: {}
  }
]

const atMost = (than: number): Goal => ({ is: "at most", than })

export const fanout = (settings: Settings): Promise<Part> =>
  during(async ({ folder, keep }) => {
    const source = () => keep(contender("source", "eventSource.ts", [], { cores: loadCores }))
    const own = async (name: string, checkout?: string): Promise<Gateway> => {
      const from = await source()
      mkdirSync(join(folder, name))
      const options = checkout === undefined ? {} : { checkout }
      return speaksAsBackend(await keep(backend(name, join(folder, name), from.url, options)), from)
    }
    const gateways: Array<Gateway> = [await own("backend")]
    if (settings.before !== undefined) gateways.push(await own("backend before", settings.before))
    const from = await source()
    gateways.push(speaksAsBackend(await keep(contender(reference, "wsHub.ts", [from.url])), from))
    const { absent, limit, others } = await rivals(folder, keep)

    const tables: Array<Table> = []
    const goals: Array<Measured> = []
    const idle = await idles(gateways)
    tables.push(idle.table)
    goals.push(measured("KiB per idle watcher", atMost(25), exactly(idle.kib)))
    let missing = 0
    for (const [index, scenario] of scenarios.entries()) {
      const played = await play(`fan-${index}`, scenario, [...gateways, ...limit], others, settings)
      const notes = absent.length === 0 ? [] : [`Not on this machine: ${absent.join(", ")}.`]
      tables.push({ ...played.table, notes })
      missing += played.missing
      const metric = `µs per delivery, ${scenario.title}`
      if (scenario.micros !== undefined) goals.push(measured(metric, atMost(scenario.micros), played.cpu))
      for (const [name, than] of Object.entries(scenario.relative)) {
        const found = played.relativeTo(name)
        if (found !== undefined) goals.push(measured(`${metric} ÷ ${name}`, atMost(than), found))
      }
    }
    goals.push(measured("deliveries lost or twice", atMost(0), exactly(missing)))
    // Before the heap is shrunk to weigh what stalls.
    const back = await resume(gateways[0]!)
    tables.push(back.table)
    goals.push(
      measured("lost or twice on resume", atMost(0), exactly(back.wrong)),
      measured("first event on resume, p99 (ms)", atMost(20), exactly(back.p99))
    )
    const slow = await stalled(gateways[0]!)
    tables.push(slow.table)
    goals.push(
      measured("MiB per stalled watcher", atMost(4), exactly(slow.mib)),
      measured("stalled watchers cut after (s)", atMost(10), exactly(slow.cutAfter)),
      measured("healthy p99 beside stalled ÷ alone", atMost(1.3), slow.relative)
    )
    return { bench: "fanout", tables, goals }
  })
