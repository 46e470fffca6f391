/** English. The type of this dictionary is the list of what every language must say. */
import { enConsole } from "./enConsole.ts"
import { enSettings } from "./enSettings.ts"
import { plural } from "./plural.ts"

export const en = {
  locale: "en",
  languageName: "English",
  brand: "Yoi",
  skipToContent: "Skip to content",
  nav: {
    label: "Main",
    overview: "Overview",
    workers: "Workers",
    settings: "Settings",
    connections: "Runtime connections",
    appearance: "Appearance",
    diagnostics: "Diagnostics",
    settingsLabel: "Settings sections"
  },
  common: {
    retry: "Try again",
    cancel: "Cancel",
    close: "Close",
    save: "Save",
    loading: "Loading…",
    dismiss: "Dismiss",
    copy: "Copy",
    copied: "Copied",
    copyFailed: "This browser does not allow copying. Select the text instead.",
    optional: "optional",
    unknown: "unknown",
    builtIn: "built-in",
    more: "More actions",
    back: "Back",
    never: "never",
    updated: (ago: string) => `Updated ${ago}`,
    staleNote: "Showing what was last known.",
    requestId: "Request id",
    opensElsewhere: "opens in a new tab",
    leaveDirty: "Leave this page? What you typed has not been saved."
  },
  runtimeStatus: {
    running: "Running",
    stopped: "Stopped",
    unreachable: "Unreachable",
    auth_failed: "Login refused",
    incompatible: "Incompatible",
    unknown: "Not checked"
  },
  facts: {
    label: "Facts",
    reachable: "Reachable",
    authenticated: "Authenticated",
    compatible: "Compatible",
    yes: "yes",
    no: "no",
    unknown: "unknown",
    since: (length: string) => `for ${length}`
  },
  workerState: {
    idle: "Idle",
    busy: "Busy",
    errored: "Errored",
    stale: "Stale",
    stopped: "Stopped",
    cancelled: "Cancelled"
  },
  overview: {
    title: "Overview",
    lead: "Every runtime the backend knows, and whether it can be used right now.",
    workers: (count: number) => plural(count, "worker", "workers"),
    workersUnknown: "Workers not counted",
    lastSeen: "Last seen",
    emptyTitle: "No runtimes",
    emptyText: "Even the built-in runtime is missing. The backend's log says why.",
    summary: (usable: number, total: number) => `${usable} of ${plural(total, "runtime", "runtimes")} usable`,
    addConnection: "Add a runtime",
    openWorkers: (name: string) => `Workers on ${name}`,
    newWorker: "New worker",
    circuitOpen: "Calls are paused for a moment after repeated failures.",
    problems: (count: number) => plural(count, "note", "notes")
  },
  workers: {
    title: "Workers",
    lead: "All workers of all runtimes.",
    new: "New worker",
    filterLabel: "Filter workers",
    filterRuntime: "Runtime",
    filterState: "State",
    allRuntimes: "All runtimes",
    allStates: "All states",
    clearFilter: "Clear filter",
    name: "Name",
    runtime: "Runtime",
    profile: "Profile",
    state: "State",
    entries: "Entries",
    updated: "Updated",
    failedSource: (runtime: string) => `Workers on ${runtime} could not be listed.`,
    emptyTitle: "No workers yet",
    emptyText: "A worker is a long-lived session on a runtime. Start one and talk to it.",
    noMatchTitle: "No worker matches",
    noMatchText: "Change or clear the filter.",
    loadMore: "Load more",
    count: (count: number) => plural(count, "worker", "workers"),
    asks: (count: number) => (count === 1 ? "Asks for permission" : `Asks for permission (${count})`)
  },
  newWorker: {
    title: "New worker",
    lead: "Choose where it runs and what it does. It starts at once.",
    runtime: "Runtime",
    cannotCreate: "Cannot create workers",
    noRuntimeTitle: "Nothing to run a worker on",
    noRuntime: "No runtime can create workers right now. The reasons are listed with each one.",
    profile: "Profile",
    profileDefault: "Runtime's default",
    profileDefaultText: "Whatever the runtime starts when nothing is asked for.",
    profilesUnavailable: "Cannot be used here",
    name: "Name",
    nameHint: "Shown in lists. Without one the worker is known by its id.",
    firstInput: "First input",
    firstInputHint: "Sent as soon as the worker is ready.",
    create: "Create worker",
    creating: "Creating…"
  },
  ...enConsole,
  ...enSettings,
  login: {
    title: "Log in",
    text: "This backend asks for its access token. server.access_token_ref in its config file says where that is kept.",
    token: "Access token",
    submit: "Log in",
    submitting: "Logging in…",
    wrong: "The token was not accepted."
  },
  notFound: {
    title: "Nothing here",
    text: "This page does not exist.",
    home: "Go to the overview",
    failedTitle: "This page could not be shown",
    failedText: "Reload to try again."
  }
}

export type Messages = typeof en
