/** Start time and memory of an isolated plugin at both levels: `node scripts/measure-isolation.ts [ROUNDS]`. */
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { enableCompileCache } from "node:module"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect } from "effect"
import { open } from "../src/app/plugins/isolated.ts"
import { type Level } from "../src/app/plugins/isolatedBounds.ts"

enableCompileCache()

/** The smallest kind there is: what is measured is the host. */
const module = `import { apiVersion, definePromiseSource, problem } from "yoi-workspace/plugin"
export default definePromiseSource({
  kind: "smallest", apiVersion, label: "Smallest", description: "A kind to measure.", endpoint: "none",
  options: { type: "object", properties: {}, additionalProperties: false }, secretFields: [], capabilities: {},
  connect: () => ({
    describe: async () => ({}),
    list: async () => ({ items: [], next_cursor: null }),
    get: async () => { throw problem("worker_not_found") }
  })
})
`

const rounds = Number(process.argv[2] ?? 7)
/** Time in which a fresh host settles, in milliseconds. */
const settleMs = 500

const residentMb = (pid: number): number =>
  Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1_024

const median = (values: ReadonlyArray<number>): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN

const folder = mkdtempSync(join(tmpdir(), "measure-isolation-"))
const file = join(folder, "plugin.mjs")
writeFileSync(file, module)
chmodSync(file, 0o600)

const plugin = (level: Level) => ({ name: "Plugin", file, level, options: {}, egress: {}, tell: () => Effect.void })

const once = Effect.gen(function* () {
  const started = performance.now()
  const { pid } = yield* open(plugin("process"))
  const ms = performance.now() - started
  yield* Effect.sleep(settleMs)
  return { ms, mb: residentMb(pid() ?? process.pid) }
}).pipe(Effect.scoped)

/** Threads stay until the end: memory that one leaves behind would hide what the next one takes. */
const threads = Effect.gen(function* () {
  const taken: Array<{ readonly ms: number; readonly mb: number }> = []
  const one = (left: number): Effect.Effect<void> =>
    left === 0
      ? Effect.void
      : Effect.gen(function* () {
          const before = residentMb(process.pid)
          const started = performance.now()
          yield* open(plugin("worker"))
          const ms = performance.now() - started
          yield* Effect.sleep(settleMs)
          taken.push({ ms, mb: residentMb(process.pid) - before })
          yield* one(left - 1)
        }).pipe(Effect.scoped, Effect.orDie)
  yield* one(rounds)
  return taken
})

const processes = Effect.forEach(Array.from({ length: rounds }), () => once)

const report = Effect.gen(function* () {
  for (const [level, measured] of [
    ["worker", yield* threads],
    ["process", yield* processes]
  ] as const) {
    const ms = median(measured.map((it) => it.ms))
    const mb = median(measured.map((it) => it.mb))
    console.log(`${level.padEnd(8)} start ${ms.toFixed(0)} ms, memory ${mb.toFixed(0)} MiB (medians of ${rounds})`)
  }
})

Effect.runPromise(report).then(
  () => rmSync(folder, { recursive: true, force: true }),
  (error: unknown) => {
    rmSync(folder, { recursive: true, force: true })
    console.error(error)
    process.exitCode = 1
  }
)
