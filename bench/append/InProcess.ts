/** Durable commits without a wire of ours: the file store beside raw ways to use the disk, SQLite and Redis. */
import { inTurns, type Settings } from "../Contest.ts"
import { during } from "../Process.ts"
import { measured, type Measured, number, type Table, within } from "../Report.ts"
import { ratio, spread } from "../Spread.ts"
import { type Committer, isHere, ofKind, redis } from "./Contenders.ts"

const kinds = ["store", "group", "dsync", "bytes", "serial", "sqlite"] as const
/** Their figures vary little, so that half of a turn is enough. */
const brief: ReadonlySet<string> = new Set(["dsync", "bytes", "Redis"])

export const withoutRedis = "Redis is not on this machine."

type Turn = Awaited<ReturnType<Committer["turn"]>>

export const tableOf = (
  title: string,
  found: ReadonlyMap<string, ReadonlyArray<Turn>>,
  notes: Array<string>
): Table => {
  const rates = (name: string) => found.get(name)!.map(({ rate }) => rate)
  return {
    title,
    columns: ["way", "commits/s", "store ÷ this", "CPU µs each"],
    rows: [...found].map(([name, turns]) => [
      name,
      number(spread(rates(name)).median),
      within(ratio(rates("store"), rates(name))),
      number(spread(turns.map(({ cpu }) => cpu)).median)
    ]),
    notes
  }
}

export const inProcess = (settings: Settings) =>
  during(async ({ folder, keep }) => {
    const { before, rounds, turnMs } = settings
    const field = new Map<string, Committer>()
    for (const kind of kinds) field.set(kind, await ofKind(keep, folder, kind))
    if (before !== undefined)
      field.set("store before", await ofKind(keep, folder, "store before", { checkout: before }))
    if (isHere("redis-server")) field.set("Redis", await redis(keep, folder))
    const notes = [
      field.has("Redis")
        ? "Redis has `appendfsync always` and a connection for each writer; its processor time is the server's alone."
        : withoutRedis
    ]
    const tables: Array<Table> = []
    const goals: Array<Measured> = []
    for (const writers of [1, 64]) {
      const found = await inTurns([...field.keys()], rounds, (name) =>
        field.get(name)!.turn(writers, brief.has(name) ? turnMs / 2 : turnMs)
      )
      const over = (name: string) => ratio(...rates(found, "store", name))
      tables.push(
        tableOf(`Durable commits of the file store, ${writers} writer${writers === 1 ? "" : "s"}`, found, notes)
      )
      if (writers === 1) {
        goals.push(measured("1 writer ÷ one fdatasync each", { is: "at least", than: 0.6 }, over("serial")))
        continue
      }
      goals.push(measured("64 writers ÷ raw group commit", { is: "at least", than: 0.8 }, over("group")))
      goals.push(measured("64 writers ÷ SQLite, a transaction each", { is: "at least", than: 10 }, over("sqlite")))
      if (field.has("Redis")) {
        goals.push(measured("64 writers ÷ Redis, appendfsync always", { is: "at least", than: 2.5 }, over("Redis")))
      }
    }
    return { tables, goals }
  })

/** The rates of two of them, round by round. */
export const rates = (
  found: ReadonlyMap<string, ReadonlyArray<Turn>>,
  one: string,
  other: string
): [Array<number>, Array<number>] => [
  found.get(one)!.map(({ rate }) => rate),
  found.get(other)!.map(({ rate }) => rate)
]
