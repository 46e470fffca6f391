/**
 * Kills a runtime process at random moments under load, starts it again over the same folder, and checks that every
 * acknowledged input is there, once and in order, and that an idempotency key still gets the answer it got.
 */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { isWaiting, Ledger, type Verdict } from "./Ledger.ts"
import { type Ack, createWorker, readTranscript, readWorker, sendInput, type Worker } from "./RuntimeClient.ts"
import { type RuntimeProcess, start } from "./RuntimeProcess.ts"

export interface Options {
  readonly rounds: number
  /** Workers that are written to at the same time. */
  readonly workers?: number
  /** The longest time of load before a kill, in milliseconds. */
  readonly longestLoad?: number
  readonly onRound?: (round: number, acknowledged: number) => void
}

export interface Outcome extends Verdict {
  readonly rounds: number
  acknowledged: number
  /** Of the acknowledged ones, those that waited for their turn. */
  waited: number
  /** Inputs that were cut off and, sent again with their key, were found done or were done then. */
  resolved: number
}

/** Refusals that pass. */
const passing: ReadonlySet<string | undefined> = new Set(["worker_busy", "input_queue_full", "idempotency_in_flight"])

/** Tries of an input that a busy worker refuses. */
const maxTries = 2_000

/** Sends until the worker takes it; undefined when the connection breaks, as it does when the process is killed. */
const send = async (url: string, ledger: Ledger, content: string) => {
  for (let attempt = 0; attempt < maxTries; attempt++) {
    const answer = await sendInput(url, ledger.worker_id, content, ledger.mode).catch(() => undefined)
    if (answer === undefined || answer.status === 200) return answer
    const code = answer.body.error?.code
    if (!passing.has(code)) {
      throw new Error(`An input answered ${answer.status} ${code}.`)
    }
    await sleep(1)
  }
  throw new Error("A worker stayed busy.")
}

const settle = (ledger: Ledger, content: string, ack: Ack): void => {
  ledger.acked.set(content, ack)
  ledger.open = undefined
}

/** Writes to one worker until the process is gone. */
const load = async (url: string, ledger: Ledger, state: { over: boolean }): Promise<void> => {
  while (!state.over) {
    const content = ledger.next()
    ledger.open = content
    const answer = await send(url, ledger, content)
    if (answer?.body.ack === undefined) return
    settle(ledger, content, answer.body.ack)
  }
}

/** The worker once nothing runs or waits: what was acknowledged is in its transcript by then. */
const settled = async (url: string, worker_id: string): Promise<Worker> => {
  for (let attempt = 0; attempt < maxTries; attempt++) {
    const worker = await readWorker(url, worker_id)
    if (worker.execution.run_state !== "busy" && (worker.queued_inputs ?? []).length === 0) return worker
    await sleep(1)
  }
  throw new Error("What waited for a worker did not start.")
}

const check = async (url: string, ledgers: ReadonlyArray<Ledger>, outcome: Outcome): Promise<void> => {
  for (const ledger of ledgers) {
    const { last_event_id } = await settled(url, ledger.worker_id)
    ledger.judge(await readTranscript(url, ledger.worker_id), last_event_id, outcome)
    const { open } = ledger
    if (open !== undefined) {
      const answer = await send(url, ledger, open)
      if (answer?.body.ack === undefined) throw new Error("The runtime went away by itself.")
      settle(ledger, open, answer.body.ack)
      outcome.resolved += 1
    }
    const [content, ack] = Array.from(ledger.acked).at(-1) ?? []
    if (content === undefined || ack === undefined) continue
    const again = await send(url, ledger, content)
    if (again?.replayed !== true || again.body.ack?.event_id !== ack.event_id) {
      outcome.wrong.push(`${ledger.worker_id}: the key of "${content}" did not get its answer again`)
    }
  }
}

export const run = async (options: Options): Promise<Outcome> => {
  const { rounds, workers = 8, longestLoad = 400 } = options
  const outcome: Outcome = { rounds, acknowledged: 0, waited: 0, resolved: 0, lost: 0, duplicated: 0, wrong: [] }
  const folder = mkdtempSync(join(tmpdir(), "crash-"))
  const ledgers = Array.from(
    { length: workers },
    (_, index) => new Ledger(`worker-${index + 1}`, index % 2 === 0 ? "queue" : "reject")
  )
  let runtime: RuntimeProcess | undefined
  try {
    for (let round = 1; round <= rounds; round++) {
      const current = await start(join(folder, "store"))
      runtime = current
      if (round === 1) {
        for (const { worker_id } of ledgers) {
          const status = await createWorker(current.url, worker_id)
          if (status !== 200) throw new Error(`A worker could not be created: ${status}.`)
        }
      } else await check(current.url, ledgers, outcome)
      const state = { over: false }
      const loads = ledgers.map((ledger) => load(current.url, ledger, state))
      await sleep(Math.random() * longestLoad)
      state.over = true
      await current.kill()
      await Promise.all(loads)
      outcome.acknowledged = ledgers.reduce((sum, ledger) => sum + ledger.acked.size, 0)
      options.onRound?.(round, outcome.acknowledged)
    }
    runtime = await start(join(folder, "store"))
    await check(runtime.url, ledgers, outcome)
    const acks = ledgers.flatMap((ledger) => Array.from(ledger.acked.values()))
    outcome.acknowledged = acks.length
    outcome.waited = acks.filter(isWaiting).length
    return outcome
  } finally {
    await runtime?.kill()
    rmSync(folder, { recursive: true, force: true })
  }
}
