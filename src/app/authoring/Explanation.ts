/** Why a module cannot be loaded, in its own words. A backend repeats nothing of them; its author has to read them. */
import { spawn } from "node:child_process"
import { text } from "node:stream/consumers"
import { fileURLToPath } from "node:url"
import { Effect } from "effect"

/** How long the module may take, in milliseconds. */
const deadlineMs = 10_000

/** Lines that are shown, at most. */
const maxLines = 12

const program = fileURLToPath(
  new URL(import.meta.url.endsWith(".ts") ? "./explain.ts" : "./explain.js", import.meta.url)
)

/** Where in Node an error came up: a place, a line of its program and a mark below it. */
const nodesOwn = /^node:internal[^\n]*\n[^\n]*\n\s*\^\n/

/** Lines about Node itself. */
const isNoise = (line: string): boolean => line.trim() === "" || /^\s+at .*\bnode:|^Node\.js v/.test(line)

/** The error as Node shows it; nothing when the module can be imported. */
export const of = (file: string): Effect.Effect<ReadonlyArray<string>> =>
  Effect.callback<ReadonlyArray<string>>((resume) => {
    const child = spawn(process.execPath, [program, file], { stdio: ["ignore", "ignore", "pipe"] })
    const said = text(child.stderr)
    child.once("error", () => resume(Effect.succeed([])))
    child.once("exit", () => {
      said.then(
        (all) =>
          resume(
            Effect.succeed(
              all
                .replace(nodesOwn, "")
                .split("\n")
                .filter((line) => !isNoise(line))
                .slice(0, maxLines)
            )
          ),
        () => resume(Effect.succeed([]))
      )
    })
    return Effect.sync(() => void child.kill("SIGKILL"))
  }).pipe(Effect.timeoutOrElse({ duration: deadlineMs, orElse: () => Effect.succeed<ReadonlyArray<string>>([]) }))
