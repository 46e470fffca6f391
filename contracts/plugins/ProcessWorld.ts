/** The kind `process` over a folder of the test's own, and what may be seen and done behind its back. */
import { execFileSync } from "node:child_process"
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { Effect } from "effect"
import { RuntimeHome } from "../../src/adapters/process-runtime/RuntimeHome.ts"
import { RuntimeId } from "../../src/domain/Identifiers.ts"
import type { RuntimeSource } from "../../src/domain/RuntimeSource.ts"
import { processRuntime } from "../../src/plugins/process/index.ts"
import { install } from "../support/InstalledKind.ts"

export const program = fileURLToPath(new URL("../../src/app/main.ts", import.meta.url))

/** A folder that goes with the scope. */
export const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "process-kind-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
)

export const connect = Effect.fnUntraced(function* (root: string, options: Record<string, string | number> = {}) {
  const kind = yield* Effect.provideService(install(processRuntime), RuntimeHome, {
    folder: root,
    profiles: root,
    program
  })
  return yield* kind.connect({ id: RuntimeId.make("process-1"), display_name: "Process", options })
})

/** Process ids of the runtimes over a folder. */
export const runtimesOver = (root: string): ReadonlyArray<number> =>
  execFileSync("ps", ["-eo", "pid=,args="], { encoding: "utf8" })
    .split("\n")
    .filter((line) => line.includes(`--fs-root=${root}/`))
    .map((line) => Number.parseInt(line, 10))

/** Asks until it answers: a process takes its time to start. */
export const awake = (source: RuntimeSource["Service"]) => Effect.eventually(source.describe)

/** Every file below a folder. */
export const filesOf = (root: string): ReadonlyArray<string> =>
  readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))

export const textOf = (path: string): string => readFileSync(path, "utf8")

/** The port on which a process listens. */
export const portOf = (pid: number) =>
  Effect.sync(() => {
    const inodes = new Set(
      readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
        try {
          return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1] ?? []
        } catch {
          return []
        }
      })
    )
    const listening = textOf("/proc/net/tcp")
      .split("\n")
      .map((line) => line.trim().split(/\s+/))
      .find((row) => row[3] === "0A" && inodes.has(row[9] ?? ""))
    return Number.parseInt(listening?.[1]?.split(":")[1] ?? "0", 16)
  })
