/** Tells the warden, a process beside this one, what runs: should this process end without a word, the warden ends it all. */
import { type ChildProcess, spawn } from "node:child_process"
import { fileURLToPath } from "node:url"

const main = fileURLToPath(
  import.meta.url.endsWith(".ts")
    ? new URL("./WardenMain.ts", import.meta.url)
    : new URL("./WardenMain.js", import.meta.url)
)

/** Groups of the programs that run, by mark; 0 = the program is being started. */
const running = new Map<string, number>()
let warden: ChildProcess | undefined

const said = (mark: string, group: number): string => (group === 0 ? `+${mark}\n` : `=${mark} ${group}\n`)

/** Starts it with the first program, and again should it have ended; it hears of everything that runs. */
const ensure = (): void => {
  if (warden !== undefined && warden.exitCode === null && warden.signalCode === null) return
  const started = spawn(process.execPath, [main], {
    // Of a session of its own: what ends the runtime's session does not end it. It needs nothing from the environment.
    detached: true,
    cwd: "/",
    env: {},
    stdio: ["pipe", "ignore", "ignore"]
  })
  // Without it programs still end with their workers; only the sudden end of this process is not covered.
  started.on("error", () => undefined)
  started.stdin?.on("error", () => undefined)
  started.unref()
  if (started.stdin !== null && "unref" in started.stdin) (started.stdin as unknown as { unref(): void }).unref()
  warden = started
  for (const [mark, group] of running) started.stdin?.write(said(mark, group))
}

/** Before the program is started: nothing of it is ever unknown. */
export const expect = (mark: string): void => {
  ensure()
  running.set(mark, 0)
  warden?.stdin?.write(said(mark, 0))
}

export const started = (mark: string, group: number): void => {
  running.set(mark, group)
  warden?.stdin?.write(said(mark, group))
}

/** Once nothing of it is left. */
export const forget = (mark: string): void => {
  running.delete(mark)
  warden?.stdin?.write(`-${mark}\n`)
}
