/** The types of an author's package, by the TypeScript that is installed with it. */
import { spawn } from "node:child_process"
import { existsSync } from "node:fs"
import { findPackageJSON } from "node:module"
import { dirname, join } from "node:path"
import { text } from "node:stream/consumers"
import { pathToFileURL } from "node:url"
import { Duration, Effect } from "effect"

/** How long the compiler may take. */
const deadline = Duration.minutes(2)

/** Lines of the compiler that are shown, at most. */
const maxLines = 20

export type Result =
  | { readonly kind: "absent"; readonly sentence: string }
  | { readonly kind: "ok" }
  | { readonly kind: "wrong"; readonly lines: ReadonlyArray<string> }

const compilerOf = (folder: string): string | undefined => {
  const manifest = findPackageJSON("typescript", pathToFileURL(join(folder, "x.mjs")))
  const compiler = manifest === undefined ? undefined : join(dirname(manifest), "bin/tsc")
  return compiler !== undefined && existsSync(compiler) ? compiler : undefined
}

const compile = (compiler: string, folder: string) =>
  Effect.callback<Result>((resume) => {
    const child = spawn(process.execPath, [compiler, "-p", folder, "--noEmit", "--pretty", "false"], {
      cwd: folder,
      stdio: ["ignore", "pipe", "pipe"]
    })
    const output = Promise.all([text(child.stdout), text(child.stderr)])
    child.once("error", () => resume(Effect.succeed({ kind: "wrong", lines: ["The compiler could not be started."] })))
    child.once("exit", (code) => {
      if (code === 0) return resume(Effect.succeed({ kind: "ok" }))
      output.then(
        (said) => {
          const lines = said
            .join("")
            .split("\n")
            .filter((line) => line.trim() !== "")
          resume(Effect.succeed({ kind: "wrong", lines: lines.slice(0, maxLines) }))
        },
        () => resume(Effect.succeed({ kind: "wrong", lines: [] }))
      )
    })
    return Effect.sync(() => void child.kill("SIGKILL"))
  })

/** @param folder of the package */
export const check = Effect.fn("TypeCheck.check")(function* (folder: string): Effect.fn.Return<Result> {
  if (!existsSync(join(folder, "tsconfig.json"))) return { kind: "absent", sentence: "There is no tsconfig.json." }
  const compiler = compilerOf(folder)
  if (compiler === undefined) return { kind: "absent", sentence: "TypeScript is not installed there." }
  return yield* Effect.timeoutOrElse(compile(compiler, folder), {
    duration: deadline,
    orElse: () =>
      Effect.succeed<Result>({ kind: "wrong", lines: [`Nothing came of it within ${Duration.format(deadline)}.`] })
  })
})
