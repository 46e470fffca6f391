/** What is done without a socket or a disk: operations of the built-in runtime, and edits of the config file's text. */
import { inTurns, type Settings } from "./Contest.ts"
import { contender, during, root, type Running } from "./Process.ts"
import { measured, number, type Part, type Table, within } from "./Report.ts"
import { ratio, spread } from "./Spread.ts"

const operations = ["get", "describe"] as const
const calls = 100_000

const embedded = ({ before, rounds }: Settings) =>
  during(async ({ keep }) => {
    const now = await keep(contender("calls", "calls.ts", [root]))
    const field = new Map<string, readonly [Running, string]>([
      ["await of a plain function", [now, "plain"]],
      ["the same in an effect", [now, "effect"]],
      ["built-in runtime", [now, "embedded"]]
    ])
    if (before !== undefined) {
      field.set("built-in runtime before", [await keep(contender("calls before", "calls.ts", [before])), "embedded"])
    }
    const names = [...field.keys()]
    const found = new Map<string, Map<string, Array<number>>>()
    for (const operation of operations) {
      const times = await inTurns(names, rounds, (name) => {
        const [contestant, way] = field.get(name)!
        return contestant.ask<number>({ turn: { way, operation, calls } })
      })
      found.set(operation, times)
    }
    const times = (operation: string, name: string) => found.get(operation)!.get(name)!
    const columns = operations.flatMap((operation) => [`${operation} ns`, "÷ await"])
    const table: Table = {
      title: `${number(calls)} calls one after the other, in one fiber`,
      columns: ["call", ...columns],
      rows: names.map((name) => [
        name,
        ...operations.flatMap((operation) => [
          number(spread(times(operation, name)).median),
          within(ratio(times(operation, name), times(operation, names[0]!)))
        ])
      ]),
      notes: [
        "The plain function and the effect give back what is there already: they look nothing up for anybody else, check nothing and cannot fail with a reason. Over HTTP the same `get` takes some 75 µs."
      ]
    }
    const goals = operations.map((operation) =>
      measured(
        `built-in runtime, ${operation} ÷ await of a plain function`,
        { is: "at most", than: 1.2 },
        ratio(times(operation, "built-in runtime"), times(operation, names[0]!))
      )
    )
    return { tables: [table], goals }
  })

const connectionCounts = [10, 1_000] as const
const ways = { parse: "parse with toml", edit: "edit as the store makes it", fresh: "edit of a text not read yet" }

const edits = ({ rounds, turnMs }: Settings) =>
  during(async ({ keep }) => {
    const it = await keep(contender("edits", "tomlEdits.ts", []))
    const found = new Map<number, Map<string, Array<number>>>()
    for (const connections of connectionCounts) {
      const times = await inTurns(Object.keys(ways), rounds, (way) =>
        it.ask<number>({ turn: { way, connections, milliseconds: turnMs / 3 } })
      )
      found.set(connections, times)
    }
    const over = (connections: number, way: keyof typeof ways) =>
      ratio(found.get(connections)!.get(way)!, found.get(connections)!.get("parse")!)
    const table: Table = {
      title: "One key changed in the text of the config file, every other byte kept",
      columns: ["what", ...connectionCounts.flatMap((count) => [`${number(count)} connections, µs`, "÷ parse"])],
      rows: (Object.keys(ways) as Array<keyof typeof ways>).map((way) => [
        ways[way],
        ...connectionCounts.flatMap((count) => [
          number(spread(found.get(count)!.get(way)!).median),
          within(over(count, way))
        ])
      ]),
      notes: [
        "Each edit is parsed again by two parsers and compared with what it was meant to say before it is given out; an edit of a text that was not read yet parses that one twice as well."
      ]
    }
    const goals = connectionCounts.map((count) =>
      measured(
        `lossless edit of ${number(count)} connections ÷ a plain parse`,
        { is: "at most", than: 3 },
        over(count, "edit")
      )
    )
    return { tables: [table], goals }
  })

export const inprocess = async (settings: Settings): Promise<Part> => {
  const parts = [await embedded(settings), await edits(settings)]
  return { bench: "inprocess", tables: parts.flatMap((it) => it.tables), goals: parts.flatMap((it) => it.goals) }
}
