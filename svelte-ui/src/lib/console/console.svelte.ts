/** One open console: the stream, the pages read on demand, and the commands a person gives. */
import { untrack } from "svelte"
import { openEvents } from "#lib/api/events.ts"
import { IntentKey } from "#lib/api/key.ts"
import type { Problem } from "#lib/api/problem.ts"
import { getRuntime } from "#lib/api/runtimes.ts"
import { type Capabilities, isTerminal, type Worker } from "#lib/api/wire.ts"
import { endWorker, getWorker, sendInput, transcriptPage } from "#lib/api/workers.ts"
import { forThisTab } from "#lib/state/storage.ts"
import { Pager } from "./pager.ts"
import { entriesOf } from "./payload.ts"
import { rowsOf } from "./rows.ts"
import { fill, initial, type StreamState } from "./stream.ts"
import { EventWatcher, type Link } from "./watcher.ts"

/** Frames that arrive within one drawing of the page are shown together. A hidden page draws nothing: a timer stands in. */
const hiddenFlushMs = 250

export class WorkerConsole {
  readonly runtimeId: string
  readonly workerId: string

  stream = $state.raw<StreamState>(initial)
  link = $state.raw<Link>({ kind: "connecting" })
  worker = $state.raw<Worker>()
  /** Why the worker's own description could not be read. */
  workerProblem = $state.raw<Problem>()
  pageProblem = $state.raw<Problem>()
  #capabilities = $state.raw<Capabilities>({})

  draft = $state("")
  sending = $state(false)
  sendProblem = $state.raw<Problem>()

  readonly entries = $derived(this.stream.entries)
  readonly asides = $derived(this.stream.asides)
  /** Something is being written, or will be: a busy worker says so at the end of its transcript. */
  readonly isGrowing = $derived(
    this.stream.growing.text !== "" || this.stream.growing.thinking !== "" || this.stream.status === "running"
  )
  readonly rows = $derived(rowsOf(this.entries, this.asides, this.stream.first, this.isGrowing))
  readonly workerState = $derived(this.stream.ended ?? this.stream.workerState ?? this.worker?.state)
  readonly over = $derived(isTerminal(this.workerState))

  readonly #watcher: EventWatcher
  readonly #pager: Pager
  readonly #inputKey = new IntentKey()
  readonly #endKey = new IntentKey()
  readonly #draftName: string
  #view: readonly [number, number] = [0, 0]
  #flush: (() => void) | undefined

  constructor(runtimeId: string, workerId: string) {
    this.runtimeId = runtimeId
    this.workerId = workerId
    this.#draftName = `yoi-draft:${runtimeId}/${workerId}`
    this.draft = forThisTab.get(this.#draftName) ?? ""
    this.#watcher = new EventWatcher(
      {
        open: (cursor, handlers) => openEvents(runtimeId, workerId, cursor, handlers),
        inquire: () => this.#inquire(),
        now: () => Date.now(),
        random: () => Math.random(),
        after: (ms, run) => {
          const timer = setTimeout(run, ms)
          return () => clearTimeout(timer)
        }
      },
      (stream, link) => this.#show(stream, link)
    )
    this.#pager = new Pager(
      (start) => transcriptPage(runtimeId, workerId, start),
      () => this.#holeInView(),
      (page) => this.#watcher.change((state) => fill(state, page.start, entriesOf(page.items))),
      (problem) => (this.pageProblem = problem)
    )
  }

  /** Opens everything until the returned function is called. */
  open = (): (() => void) => {
    untrack(() => this.#watcher.start())
    void this.#inquire()
    void getRuntime(this.runtimeId).then((outcome) => {
      if (outcome.ok) this.#capabilities = outcome.value.runtime.capabilities ?? {}
    })
    const nudge = () => this.#watcher.reconnectNow()
    const seen = () => !document.hidden && nudge()
    globalThis.addEventListener("online", nudge)
    document.addEventListener("visibilitychange", seen)
    return () => {
      globalThis.removeEventListener("online", nudge)
      document.removeEventListener("visibilitychange", seen)
      this.#watcher.close()
    }
  }

  /** Whether the runtime says what it can do and leaves this out. One that says nothing is judged by what it answers. */
  lacks(capability: string): boolean {
    return Object.keys(this.#capabilities).length > 0 && !Object.hasOwn(this.#capabilities, capability)
  }

  reconnectNow = (): void => this.#watcher.reconnectNow()
  startAfresh = (): void => this.#watcher.startAfresh()
  retryPage = (): void => this.#pager.retry()

  /** Rows in view, so that holes among them are read. */
  look = (firstRow: number, lastRow: number): void => {
    this.#view = [firstRow, lastRow]
    void this.#pager.look()
  }

  keepDraft = (): void => forThisTab.set(this.#draftName, this.draft === "" ? undefined : this.draft)

  /** A refusal was about the text that is no longer there. */
  typed = (): void => {
    this.sendProblem = undefined
    this.keepDraft()
  }

  /** The text stays in the composer until it is acknowledged; the same text sent again has the same key. */
  send = async (): Promise<boolean> => {
    const content = this.draft
    if (content.trim() === "" || this.sending) return false
    this.sending = true
    this.sendProblem = undefined
    const outcome = await sendInput(this.runtimeId, this.workerId, content, this.#inputKey.for(content))
    this.sending = false
    this.#inputKey.settle(outcome)
    if (!outcome.ok) {
      this.sendProblem = outcome.problem
      return false
    }
    if (this.draft === content) this.draft = ""
    this.keepDraft()
    return true
  }

  end = async (how: "stop" | "cancel", reason: string): Promise<Problem | undefined> => {
    const key = this.#endKey.for([how, reason])
    const outcome = await endWorker(how, this.runtimeId, this.workerId, key, reason)
    this.#endKey.settle(outcome)
    if (!outcome.ok) return outcome.problem
    void this.#inquire()
    return undefined
  }

  async #inquire(): Promise<"exists" | "gone" | "login" | "unknown"> {
    const outcome = await getWorker(this.runtimeId, this.workerId)
    if (outcome.ok) {
      this.worker = outcome.value.worker
      this.workerProblem = undefined
      return "exists"
    }
    this.workerProblem = outcome.problem
    if (outcome.problem.code === "session_required") return "login"
    return outcome.problem.status === 404 ? "gone" : "unknown"
  }

  #holeInView(): number | undefined {
    const [first, last] = this.#view
    // Not `this.rows`: the reads run between drawings and must see what they filled.
    const { entries, asides, first: base } = this.#watcher.state
    const rows = rowsOf(entries, asides, base, false)
    for (let index = first; index <= last; index++) {
      const row = rows[index]
      if (row?.kind === "hole") return row.position
    }
    return undefined
  }

  #show(stream: StreamState, link: Link): void {
    const present = () => {
      this.#flush = undefined
      // What the stream does not carry, for instance why a worker is in error.
      if (this.#watcher.state.workerState !== this.stream.workerState) void this.#inquire()
      this.stream = this.#watcher.state
    }
    this.link = link
    if (stream === this.stream || this.#flush !== undefined) return
    this.#flush = present
    if (document.hidden) setTimeout(present, hiddenFlushMs)
    else requestAnimationFrame(present)
  }
}
