/** One open console: the stream, the pages read on demand, and the commands a person gives. */
import { untrack } from "svelte"
import { openEvents } from "#lib/api/events.ts"
import { IntentKey } from "#lib/api/key.ts"
import type { Problem } from "#lib/api/problem.ts"
import { getRuntime } from "#lib/api/runtimes.ts"
import { type Capabilities, type InputMode, isTerminal, type Worker } from "#lib/api/wire.ts"
import { endWorker, getWorker, sendInput, transcriptPage } from "#lib/api/workers.ts"
import { forThisTab } from "#lib/state/storage.ts"
import { busyModes, declares, lacks } from "./capabilities.ts"
import { Pager } from "./pager.ts"
import { entriesOf } from "./payload.ts"
import { isOpen } from "./permissions.ts"
import { rowsOf } from "./rows.ts"
import { Steering } from "./steering.svelte.ts"
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
  /** What a person wants of a busy worker; waiting harms nobody, so it is what is meant unless they say otherwise. */
  busyMode = $state<InputMode>("queue")
  readonly steering: Steering

  readonly entries = $derived(this.stream.entries)
  readonly asides = $derived(this.stream.asides)
  /** Something is being written, or will be: a busy worker says so at the end of its transcript. */
  readonly isGrowing = $derived(
    this.stream.growing.text !== "" || this.stream.growing.thinking !== "" || this.stream.status === "running"
  )
  readonly rows = $derived(rowsOf(this.entries, this.asides, this.stream.first, this.isGrowing))
  readonly workerState = $derived(this.stream.ended ?? this.stream.workerState ?? this.worker?.state)
  readonly over = $derived(isTerminal(this.workerState))
  /** What may become of an input while the worker is busy; none where the runtime does not say. */
  readonly modes = $derived(busyModes(this.#capabilities))
  readonly mode = $derived(this.modes.includes(this.busyMode) ? this.busyMode : this.modes[0])
  readonly canInterrupt = $derived(declares(this.#capabilities, "workers.interrupt"))
  /** Requests that wait for a person. */
  readonly asking = $derived(this.asides.filter(isOpen))

  readonly #watcher: EventWatcher
  readonly #pager: Pager
  readonly #inputKey = new IntentKey()
  readonly #endKey = new IntentKey()
  readonly #draftName: string
  readonly #turnsName: string
  #view: readonly [number, number] = [0, 0]
  #flush: (() => void) | undefined

  constructor(runtimeId: string, workerId: string) {
    this.runtimeId = runtimeId
    this.workerId = workerId
    this.steering = new Steering(runtimeId, workerId)
    this.#draftName = `yoi-draft:${runtimeId}/${workerId}`
    this.#turnsName = `yoi-turns:${runtimeId}/${workerId}`
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
      (stream, link) => this.#show(stream, link),
      forThisTab.get(this.#turnsName)
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

  lacks = (capability: string): boolean => lacks(this.#capabilities, capability)

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
    const { mode } = this
    if (content.trim() === "" || this.sending) return false
    this.sending = true
    this.sendProblem = undefined
    const key = this.#inputKey.for([content, mode])
    const outcome = await sendInput(this.runtimeId, this.workerId, content, mode, key)
    this.sending = false
    this.#inputKey.settle(outcome)
    if (!outcome.ok) {
      this.sendProblem = outcome.problem
      return false
    }
    const { queued } = outcome.value.ack
    if (queued !== undefined) this.steering.remember(queued.input_id, content)
    if (this.draft === content) this.draft = ""
    this.busyMode = "queue"
    this.keepDraft()
    return true
  }

  /** Whether the turn was called off; a turn is named by the message that it answers. */
  interrupt = (): Promise<boolean> => {
    const { entries } = this.#watcher.state
    return this.steering.interrupt(entries.findLast((entry) => entry?.role === "user")?.sequence ?? 0)
  }

  /** Takes a waiting input back; its text comes into the composer when that is empty, to be changed and sent again. */
  takeBack = async (inputId: string, shown: string): Promise<"restored" | "gone" | "failed"> => {
    if (!(await this.steering.takeBack(inputId))) return "failed"
    const whole = this.steering.wholeOf(inputId, shown)
    if (whole === undefined || this.draft.trim() !== "") return "gone"
    this.draft = whole
    this.keepDraft()
    return "restored"
  }

  end = async (how: "stop" | "cancel", reason: string): Promise<Problem | undefined> => {
    const key = this.#endKey.for([how, reason])
    const outcome = await endWorker(how, this.runtimeId, this.workerId, key, reason)
    this.#endKey.settle(outcome)
    if (!outcome.ok) return outcome.problem
    void this.#inquire()
    return undefined
  }

  /** A backend that was away may be a newer one now. */
  async #learn(): Promise<void> {
    const outcome = await getRuntime(this.runtimeId)
    if (outcome.ok) this.#capabilities = outcome.value.runtime.capabilities ?? {}
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
      if (this.#watcher.state.workerState !== this.stream.workerState) {
        void this.#inquire()
        this.steering.forgetInterrupt()
      }
      const [from] = this.#watcher.state.turns
      if (from !== undefined && from !== this.stream.turns[0]) forThisTab.set(this.#turnsName, from)
      this.stream = this.#watcher.state
    }
    if (link.kind === "live" && this.link.kind !== "live") void this.#learn()
    this.link = link
    if (stream === this.stream || this.#flush !== undefined) return
    this.#flush = present
    if (document.hidden) setTimeout(present, hiddenFlushMs)
    else requestAnimationFrame(present)
  }
}
