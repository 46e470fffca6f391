/** Events at a steady rate to watchers that read them, gateway by gateway in turns. */
import { inTurns, type Settings } from "../Contest.ts"
import type { Run } from "../contenders/eventSource.ts"
import { number, type Table, within } from "../Report.ts"
import { ratio, type Spread, spread } from "../Spread.ts"
import { emptyTally, open, type Tally, type Watcher } from "../Watchers.ts"
import { type Gateway, speak, type Turn } from "./Gateway.ts"

export interface Scenario {
  readonly title: string
  readonly workers: number
  readonly watchersEach: number
  readonly rate: number
  /** Names of gateways that do not take part. */
  readonly without?: ReadonlyArray<string>
}

/** About 200 bytes of JSON with the envelope. */
export const textLength = 60
export const durableEvery = 50

/** Gateways that are only looked at for comparison have fewer rounds, and shorter turns. */
const guestRounds = 3
const guestFactor = 0.6
/** Long enough that what is hot is compiled. Guests are programs that need no warming. */
const warmUpFactor = 1.5

export interface Played {
  readonly table: Table
  /** Deliveries of the backend that did not come, or came twice. */
  readonly missing: number
  /** µs per delivery of the backend. */
  readonly cpu: Spread
  /** The same as a share of another's. Undefined where that one did not take part. */
  readonly relativeTo: (name: string) => Spread | undefined
}

interface Player {
  readonly gateway: Gateway
  readonly tally: Tally
  readonly watchers: ReadonlyArray<Watcher>
  readonly turns: Array<Turn>
  lost: number
  duplicated: number
}

export const reference = "ws hub"

const rowOf = (name: string, { duplicated, lost, turns }: Player, relative: Spread): ReadonlyArray<string> => {
  const sum = (of: (turn: Turn) => number) => turns.reduce((total, turn) => total + of(turn), 0)
  const missing = sum((turn) => turn.expected) - sum((turn) => turn.delivered)
  return [
    name,
    number(sum((turn) => turn.delivered)),
    `${number(Math.max(lost, missing))} / ${number(duplicated)}`,
    number(spread(turns.map((turn) => turn.cpu)).median),
    within(relative),
    number(spread(turns.map((turn) => turn.p50 / 1_000)).median),
    number(spread(turns.map((turn) => turn.p99 / 1_000)).median)
  ]
}

/** @param guests take part in the first rounds only */
export const play = async (
  prefix: string,
  { rate, title, watchersEach, without = [], workers }: Scenario,
  gateways: ReadonlyArray<Gateway>,
  guests: ReadonlyArray<Gateway>,
  settings: Settings
): Promise<Played> => {
  const ids = Array.from({ length: workers }, (_, at) => `${prefix}-${at}`)
  const taking = [...gateways, ...guests].filter(({ name }) => !without.includes(name))
  const players = new Map<string, Player>()
  for (const gateway of taking) {
    const doors = ids.flatMap((id) => Array.from({ length: watchersEach }, () => gateway.door(id)))
    const tally = emptyTally()
    const watchers = await open(doors, tally)
    players.set(gateway.name, { gateway, tally, watchers, turns: [], lost: 0, duplicated: 0 })
  }
  await inTurns([...players.keys()], settings.rounds, async (name, round) => {
    const player = players.get(name)!
    const isGuest = guests.includes(player.gateway)
    if (isGuest && (round < 0 || round >= guestRounds)) return
    const milliseconds = settings.turnMs * (isGuest ? guestFactor : round < 0 ? warmUpFactor : 1)
    const run: Run = { rate, milliseconds, workers: ids, length: textLength, durableEvery }
    const turn = await speak(player.gateway, run, player.watchers.length, player.tally)
    player.lost += player.tally.lost
    player.duplicated += player.tally.duplicated
    if (round >= 0) player.turns.push(turn)
  })
  for (const { watchers } of players.values()) for (const watcher of watchers) watcher.close()
  const cpus = (name: string) => players.get(name)!.turns.map((turn) => turn.cpu)
  // Guests had the first rounds: what was not played is not compared.
  const between = (a: string, b: string) => {
    const [ours, theirs] = [cpus(a), cpus(b)]
    const rounds = Math.min(ours.length, theirs.length)
    return ratio(ours.slice(0, rounds), theirs.slice(0, rounds))
  }
  const own = players.get("backend")!
  return {
    table: {
      title: `Fan-out: ${title}`,
      columns: ["gateway", "delivered", "lost / twice", "CPU µs each", `÷ ${reference}`, "p50 ms", "p99 ms"],
      rows: Array.from(players, ([name, player]) => rowOf(name, player, between(name, reference)))
    },
    missing: own.turns.reduce((total, turn) => total + turn.expected - turn.delivered, 0) + own.duplicated,
    cpu: spread(cpus("backend")),
    relativeTo: (name) => (players.has(name) ? between("backend", name) : undefined)
  }
}
