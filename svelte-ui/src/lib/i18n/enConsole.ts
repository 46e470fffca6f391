/** English for the console of a worker. */
import { plural } from "./plural.ts"

export const enConsole = {
  console: {
    title: "Worker",
    back: "All workers",
    transcript: "Transcript",
    you: "You",
    worker: "Worker",
    system: "System",
    thinking: "Thinking",
    thought: "Thought",
    writing: "Writing",
    working: "Working",
    emptyTitle: "Nothing said yet",
    emptyText: "Write to the worker below. Its answer appears here as it is written.",
    loadingEntry: "Loading entry…",
    entryFailed: "This entry could not be loaded.",
    unformatted: "Shown as it was written: what formats it could not be loaded.",
    endMissing: "What asks before a worker is ended could not be loaded.",
    copyEntry: "Copy text",
    linkEntry: "Copy link",
    linkCopied: "Link copied",
    entryNumber: (n: number) => `Entry ${n}`,
    showAll: (characters: number) => `Show all ${characters.toLocaleString("en")} characters`,
    showLess: "Show less",
    jumpToEnd: "Jump to the end",
    tool: {
      calling: "calling",
      running: "running",
      done: "done",
      failed: "failed",
      interrupted: "no result",
      input: "Input",
      output: "Output",
      leftOut: (characters: number) => `Too large to be kept: ${characters.toLocaleString("en")} characters.`
    },
    plan: {
      title: "Plan",
      progress: (done: number, all: number) => `${done} of ${all} done`,
      status: { pending: "to do", in_progress: "in progress", completed: "done" } as Record<string, string>,
      high: "important"
    },
    permission: {
      asks: "Asks for permission",
      asked: "Asked for permission",
      untitled: "Something without a name",
      details: "What it would do",
      options: (names: string) => `Answers: ${names}`,
      /** Counted down; the time itself is for screen readers. */
      left: (time: string) => `Rejected in ${time} unless you answer`,
      until: (time: string) => `Rejected at ${time} unless you answer.`,
      timeUp: "The time to answer should be over by now.",
      sent: "Answer sent…",
      noName: {
        allow_once: "Allow once",
        allow_always: "Always allow",
        reject_once: "Reject",
        reject_always: "Always reject"
      } as Record<string, string>,
      answered: (option: string) => `Answered: ${option}`,
      answeredElse: "Answered",
      expired: "Nobody answered in time: rejected",
      cancelled: "Called off with its turn",
      unsupported: "This runtime takes no answers from here.",
      jump: (count: number) => (count === 1 ? "It asks for permission" : `It asks for permission ${count} times`)
    },
    unstarted: {
      rejected: "A waiting input was refused.",
      ended: "The worker ended before this input's turn."
    },
    runEnd: {
      paused: "The run is paused.",
      limit_reached: "The run reached its limit.",
      rolled_back: "The turn was ended early."
    } as Record<string, string>,
    error: "Error from the worker",
    usage: (input: number, output: number) =>
      `${input.toLocaleString("en")} tokens in · ${output.toLocaleString("en")} out`,
    link: {
      connecting: "Connecting…",
      live: "Live",
      waiting: "Reconnecting…",
      waitingIn: (seconds: number) => `Reconnecting in ${seconds} s`,
      offline: "This device is offline",
      resyncing: "Catching up…",
      ended: "Ended",
      refused: "Stream refused",
      gone: "Not found",
      reconnectNow: "Reconnect now",
      startAfresh: "Start afresh"
    },
    resynced: "The stream was interrupted; everything is up to date again.",
    diagnostic: "Notice from the stream",
    goneTitle: "There is no such worker",
    goneText: "It may have been removed, or its runtime no longer knows it.",
    ended: {
      stopped: "This worker was stopped. It takes no more input.",
      cancelled: "This worker was cancelled. It takes no more input."
    } as Record<string, string>,
    endedOther: "This worker has ended. It takes no more input.",
    composer: "Message",
    placeholder: "Write to the worker…",
    send: "Send",
    sending: "Sending…",
    sendHint: "Enter sends, Shift+Enter starts a new line",
    interrupt: "Interrupt turn",
    interrupting: "Interrupting…",
    interruptHint: "Ends only what it is doing now. The worker stays and takes more input.",
    busyModes: {
      label: "Messages while it is busy",
      queue: "Queue",
      interrupt: "Interrupt"
    },
    queueSend: "Queue",
    interruptSend: "Interrupt and send",
    queueHint: "Your message waits for the end of this turn.",
    interruptSendHint: "This turn ends at once and your message starts.",
    escHint: "Esc interrupts the turn.",
    waiting: (count: number) => plural(count, "input waits", "inputs wait"),
    takeBack: "Take back",
    takeBackOf: (text: string) => `Take back: ${text}`,
    takenBack: "Taken back. It will not start.",
    restored: "Taken back into the message field.",
    busy: "The worker is busy. Wait until it is idle, or stop it.",
    unsupported: "This runtime does not support it.",
    notReady: "The worker cannot take input in its present state.",
    stop: "Stop worker",
    stopTitle: "Stop this worker?",
    stopText: "It finishes in good order and takes no more input. This cannot be undone; the transcript stays.",
    cancel: "Cancel worker",
    cancelTitle: "Cancel this worker?",
    cancelText: "It is cut off at once, in the middle of what it does. This cannot be undone; the transcript stays.",
    keep: "Keep it running",
    endHint: "To end only what it is doing now, interrupt the turn instead.",
    reason: "Reason",
    announce: "Screen reader announcements",
    announcePause: "Pause announcements",
    announceResume: "Resume announcements",
    said: (who: string, text: string) => `${who}: ${text}`,
    workerId: "Worker id"
  }
}
