/**
 * Events through the backend to many watchers, beside a hub on `ws` that does nothing but pass frames on. Each gateway
 * has a source of its own, and only the one whose turn it is has anything to do.
 */
import { mkdirSync } from "node:fs"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { alias, backend } from "./Backend.ts"
import { inTurns, type Settings } from "./Contest.ts"
import type { Run } from "./contenders/eventSource.ts"
import { contender, during, loadCores, type Running } from "./Process.ts"
import { cpuMicros, socketCount } from "./ProcStat.ts"
import { exactly, measured, type Measured, number, type Part, type Table, within } from "./Report.ts"
import { quantile, ratio, spread } from "./Spread.ts"
import { emptyTally, open, type Tally, Watcher } from "./Watchers.ts"

interface Gateway {
  readonly it: Running
  readonly source: Running
}

interface Scenario {
  readonly title: string
  readonly workers: number
  readonly watchersEach: number
  readonly rate: number
}

const scenarios: ReadonlyArray<Scenario> = [
  { title: "100 watchers × 2 000 events/s", workers: 1, watchersEach: 100, rate: 2_000 },
  { title: "1 000 watchers × 50 events/s", workers: 1, watchersEach: 1_000, rate: 50 },
  { title: "1 000 workers × 1 watcher × 5 events/s", workers: 1_000, watchersEach: 1, rate: 5 }
]

/** About 200 bytes of JSON with the envelope. */
const textLength = 60
const durableEvery = 50
/** After a turn, how long a gateway may take to deliver what is left, in milliseconds. */
const settleMs = 5_000

const pathOf = (worker: string): string => `/api/runtimes/${alias}/workers/${worker}/events/ws`

interface Turn {
  readonly cpu: number
  readonly delivered: number
  readonly expected: number
  readonly p50: number
  readonly p99: number
}

/** Lets the source speak and waits until all has arrived. */
const speak = async ({ it, source }: Gateway, run: Run, watchers: number, tally: Tally): Promise<Turn> => {
  Object.assign(tally, emptyTally())
  const before = cpuMicros(it.pid)
  const sent = await source.ask<number>({ run })
  const expected = sent * watchers
  const until = performance.now() + settleMs
  while (tally.received < expected && performance.now() < until) await sleep(20)
  // A tick of the processor clock is ten milliseconds: what ran last has to be booked.
  await sleep(20)
  return {
    cpu: (cpuMicros(it.pid) - before) / Math.max(1, tally.received),
    delivered: tally.received,
    expected,
    p50: quantile(tally.latencies, 0.5),
    p99: quantile(tally.latencies, 0.99)
  }
}

const play = async (index: number, scenario: Scenario, gateways: ReadonlyArray<Gateway>, settings: Settings) => {
  const { rate, watchersEach, workers } = scenario
  const ids = Array.from({ length: workers }, (_, at) => `fan-${index}-${at}`)
  const paths = ids.flatMap((id) => Array.from({ length: watchersEach }, () => pathOf(id)))
  const field = new Map<string, { gateway: Gateway; tally: Tally; watchers: ReadonlyArray<Watcher> }>()
  for (const gateway of gateways) {
    const tally = emptyTally()
    const watchers = await open(gateway.it.port, paths, textLength, tally)
    field.set(gateway.it.name, { gateway, tally, watchers })
  }
  const names = [...field.keys()]
  const wrong = new Map(names.map((name) => [name, { lost: 0, duplicated: 0 }]))
  const turns = await inTurns(names, settings.rounds, async (name) => {
    const { gateway, tally, watchers } = field.get(name)!
    const run: Run = { rate, milliseconds: settings.turnMs * 1.5, workers: ids, length: textLength, durableEvery }
    const turn = await speak(gateway, run, watchers.length, tally)
    const bad = wrong.get(name)!
    bad.lost += tally.lost
    bad.duplicated += tally.duplicated
    return turn
  })
  const reference = "ws hub"
  const cpus = (name: string) => turns.get(name)!.map((turn) => turn.cpu)
  const rows = names.map((name) => {
    const own = turns.get(name)!
    const sum = (of: (turn: Turn) => number) => own.reduce((total, turn) => total + of(turn), 0)
    const missing = sum((turn) => turn.expected) - sum((turn) => turn.delivered)
    const { duplicated, lost } = wrong.get(name)!
    return [
      name,
      number(sum((turn) => turn.delivered)),
      `${number(Math.max(lost, missing))} / ${number(duplicated)}`,
      number(spread(cpus(name)).median),
      within(ratio(cpus(name), cpus(reference))),
      number(spread(own.map((turn) => turn.p50 / 1_000)).median),
      number(spread(own.map((turn) => turn.p99 / 1_000)).median)
    ]
  })
  for (const { watchers } of field.values()) for (const watcher of watchers) watcher.close()
  const table: Table = {
    title: `Fan-out: ${scenario.title}`,
    columns: ["gateway", "delivered", "lost / twice", "CPU µs each", "÷ ws hub", "p50 ms", "p99 ms"],
    rows
  }
  const own = turns.get("backend")!
  return {
    table,
    missing: own.reduce((total, turn) => total + turn.expected - turn.delivered, 0) + wrong.get("backend")!.duplicated,
    cpu: cpus("backend"),
    relative: ratio(cpus("backend"), cpus(reference))
  }
}

const stalledCount = 5
const healthyCount = 20
/** Large enough that a socket that nobody reads is full soon. */
const stalledLength = 1_000
const stalledRate = 4_000
/** Long enough for the gateway to cut what does not drain, in milliseconds. */
const stalledMs = 14_000
const aloneMs = 5_000
const windowMs = 500
/** By then every one that stalls is full, and none has been cut, in milliseconds. */
const weighAfterMs = 8_000

/** One run, looked at twice a second: how late deliveries are. */
const observed = async (gateway: Gateway, milliseconds: number, tally: Tally, look: () => void) => {
  const p99: Array<number> = []
  const timer = setInterval(() => {
    const { latencies } = tally
    tally.latencies = []
    if (latencies.length > 0) p99.push(quantile(latencies, 0.99))
    look()
  }, windowMs)
  const run = { rate: stalledRate, workers: ["stalled"], length: stalledLength, durableEvery, milliseconds }
  const { expected } = await speak(gateway, run, healthyCount, tally)
  clearInterval(timer)
  return { p99, missing: expected - tally.received }
}

/** Watchers that stop reading, beside healthy ones. */
const stalled = async (gateway: Gateway) => {
  const { it } = gateway
  const tally = emptyTally()
  const path = pathOf("stalled")
  const healthy = await open(
    it.port,
    Array.from({ length: healthyCount }, () => path),
    stalledLength,
    tally
  )
  await observed(gateway, aloneMs / 2, tally, () => undefined)
  const alone = await observed(gateway, aloneMs, tally, () => undefined)
  const before = (await it.figures("collect")).rss
  const lazy = await open(
    it.port,
    Array.from({ length: stalledCount }, () => path),
    stalledLength,
    emptyTally()
  )
  for (const watcher of lazy) watcher.socket.pause()
  const sockets = socketCount(it.pid)
  const started = performance.now()
  let cutAfter = Number.POSITIVE_INFINITY
  let held = Number.NaN
  const weigh = setTimeout(() => void it.figures("collect").then(({ rss }) => (held = rss - before)), weighAfterMs)
  const beside = await observed(gateway, stalledMs, tally, () => {
    const gone = socketCount(it.pid) <= sockets - stalledCount
    if (gone) cutAfter = Math.min(cutAfter, (performance.now() - started) / 1_000)
  })
  clearTimeout(weigh)
  for (const watcher of [...healthy, ...lazy]) watcher.close()
  return {
    alone: spread(alone.p99),
    beside: spread(beside.p99),
    relative: spread(beside.p99.map((value) => value / quantile(alone.p99, 0.5))),
    mib: Math.max(0, held) / stalledCount / 2 ** 20,
    cutAfter,
    missing: beside.missing
  }
}

const idling = 2_000

/** Memory of watchers that have nothing to read, in KiB each. What the first ones cost stays out of it. */
const idle = async ({ it }: Gateway): Promise<number> => {
  const openSome = (count: number) =>
    open(
      it.port,
      Array.from({ length: count }, () => pathOf("idle")),
      textLength,
      emptyTally()
    )
  for (const watcher of await openSome(500)) watcher.close()
  await sleep(500)
  const before = (await it.figures("collect")).rss
  const watchers = await openSome(idling)
  await sleep(500)
  const after = (await it.figures("collect")).rss
  for (const watcher of watchers) watcher.close()
  return (after - before) / idling / 1_024
}

const resuming = 1_000

/** All watchers lose their connection at once and come back with their cursors while events go on. */
const resume = async (gateway: Gateway) => {
  const { it, source } = gateway
  const tally = emptyTally()
  const path = pathOf("resumed")
  const first = await open(
    it.port,
    Array.from({ length: resuming }, () => path),
    textLength,
    tally
  )
  const run = { rate: 50, workers: ["resumed"], length: textLength, durableEvery: 1 }
  await speak(gateway, { ...run, milliseconds: 500 }, resuming, tally)
  const lasts = first.map((watcher) => ({ last: watcher.last, cursor: watcher.resumeFrom }))
  for (const watcher of first) watcher.close()
  const sent = await source.ask<number>({ run: { ...run, milliseconds: 1_000 } satisfies Run })
  const times: Array<number> = []
  const again = emptyTally()
  const back: Array<Watcher> = []
  for (const { last, cursor } of lasts) {
    const started = performance.now()
    const watcher = new Watcher(it.port, `${path}?cursor=${encodeURIComponent(cursor)}`, textLength, again, last)
    await new Promise<void>((resolve) => {
      watcher.onFirst = resolve
    })
    times.push(performance.now() - started)
    back.push(watcher)
  }
  const expected = sent * resuming
  const until = performance.now() + settleMs
  while (again.received < expected && performance.now() < until) await sleep(20)
  for (const watcher of back) watcher.close()
  return {
    lost: expected - again.received + again.lost,
    duplicated: again.duplicated,
    p50: quantile(times, 0.5),
    p99: quantile(times, 0.99)
  }
}

export const fanout = (settings: Settings): Promise<Part> =>
  during(async ({ folder, keep }) => {
    const source = () => keep(contender("source", "eventSource.ts", [], { cores: loadCores }))
    const own = async (name: string, checkout?: string): Promise<Gateway> => {
      const from = await source()
      mkdirSync(join(folder, name))
      const options = checkout === undefined ? {} : { checkout }
      return { source: from, it: await keep(backend(name, join(folder, name), from.url, options)) }
    }
    const gateways: Array<Gateway> = [await own("backend")]
    if (settings.before !== undefined) gateways.push(await own("backend before", settings.before))
    const from = await source()
    gateways.push({ source: from, it: await keep(contender("ws hub", "wsHub.ts", [from.url])) })

    const tables: Array<Table> = []
    const goals: Array<Measured> = []
    const idles: Array<readonly [string, number]> = []
    for (const gateway of gateways) idles.push([gateway.it.name, await idle(gateway)])
    tables.push({
      title: `${number(idling)} idle watchers of one worker`,
      columns: ["gateway", "KiB each"],
      rows: idles.map(([name, each]) => [name, number(each)])
    })
    goals.push(measured("KiB per idle watcher", { is: "at most", than: 25 }, exactly(idles[0]![1])))
    let missing = 0
    for (const [index, scenario] of scenarios.entries()) {
      const played = await play(index, scenario, gateways, settings)
      tables.push(played.table)
      missing += played.missing
      if (index === 0) {
        goals.push(measured(`µs per delivery, ${scenario.title}`, { is: "at most", than: 1.2 }, spread(played.cpu)))
        goals.push(measured(`the same ÷ ws hub`, { is: "at most", than: 2 }, played.relative))
      }
      if (index === 1) {
        goals.push(measured(`µs per delivery, ${scenario.title}`, { is: "at most", than: 8.7 }, spread(played.cpu)))
        goals.push(measured(`the same ÷ ws hub`, { is: "at most", than: 1.3 }, played.relative))
      }
    }
    goals.push(measured("deliveries lost or twice", { is: "at most", than: 0 }, exactly(missing)))
    const slow = await stalled(gateways[0]!)
    tables.push({
      title: `${stalledCount} watchers that stop reading beside ${healthyCount} healthy ones, ${number(stalledRate)} events/s of 1 kB`,
      columns: ["gateway", "p99 alone ms", "p99 beside ms", "MiB per stalled", "all cut after s", "healthy lost"],
      rows: [
        [
          "backend",
          number(slow.alone.median / 1_000),
          within({
            ...slow.beside,
            median: slow.beside.median / 1_000,
            low: slow.beside.low / 1_000,
            high: slow.beside.high / 1_000
          }),
          number(slow.mib),
          number(slow.cutAfter),
          number(slow.missing)
        ]
      ]
    })
    goals.push(
      measured("MiB per stalled watcher", { is: "at most", than: 4 }, exactly(slow.mib)),
      measured("stalled watchers cut after (s)", { is: "at most", than: 10 }, exactly(slow.cutAfter)),
      measured("healthy p99 beside stalled ÷ alone", { is: "at most", than: 1.3 }, slow.relative)
    )
    const back = await resume(gateways[0]!)
    tables.push({
      title: `${number(resuming)} watchers that come back with their cursor`,
      columns: ["gateway", "lost", "twice", "p50 to the first event ms", "p99 ms"],
      rows: [["backend", number(back.lost), number(back.duplicated), number(back.p50), number(back.p99)]]
    })
    goals.push(
      measured("lost or twice on resume", { is: "at most", than: 0 }, exactly(back.lost + back.duplicated)),
      measured("first event on resume, p99 (ms)", { is: "at most", than: 20 }, exactly(back.p99))
    )
    return { bench: "fanout", tables, goals }
  })
