/**
 * The same on a disk whose every sync takes a millisecond more, as on many rented ones: a library that is loaded before
 * the contender, and before Redis alike, makes it wait. Only where there is a C compiler, and a Linux to load it.
 */
import { spawnSync } from "node:child_process"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { inTurns, type Settings } from "../Contest.ts"
import { during } from "../Process.ts"
import { measured, type Measured, type Table } from "../Report.ts"
import { ratio } from "../Spread.ts"
import { type Committer, isHere, ofKind, redis } from "./Contenders.ts"
import { rates, tableOf, withoutRedis } from "./InProcess.ts"

const kinds = ["store", "group", "serial", "sqlite"] as const
const writers = 64
const source = fileURLToPath(new URL("../contenders/slowSync.c", import.meta.url))

export const onSlowDisk = (settings: Settings) =>
  during(async ({ folder, keep }): Promise<{ tables: Array<Table>; goals: Array<Measured> }> => {
    if (process.platform !== "linux" || !isHere("cc")) return { tables: [], goals: [] }
    const preload = join(folder, "slowSync.so")
    const compiled = spawnSync("cc", ["-O2", "-shared", "-fPIC", "-o", preload, source, "-ldl"], { encoding: "utf8" })
    if (compiled.status !== 0) throw new Error(`slowSync.c was not compiled: ${compiled.stderr}`)
    const field = new Map<string, Committer>()
    for (const kind of kinds) field.set(kind, await ofKind(keep, folder, kind, { preload }))
    if (isHere("redis-server")) field.set("Redis", await redis(keep, folder, { preload }))
    const found = await inTurns([...field.keys()], settings.rounds, (name) =>
      // Little varies where nearly all of the time is waited.
      field.get(name)!.turn(writers, settings.turnMs / 2)
    )
    const title = `The same with ${writers} writers, each sync a millisecond longer`
    const goals = [
      measured(
        "64 writers ÷ raw group commit, sync + 1 ms",
        { is: "at least", than: 0.8 },
        ratio(...rates(found, "store", "group"))
      )
    ]
    return { tables: [tableOf(title, found, field.has("Redis") ? [] : [withoutRedis])], goals }
  })
