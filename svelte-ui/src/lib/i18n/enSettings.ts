/** English for the settings. */
import { plural } from "./plural.ts"

export const enSettings = {
  connections: {
    title: "Runtime connections",
    lead: "Where workers can run. Saved in the backend's config file; active once applied.",
    add: "Add connection",
    export: "Export",
    exported: "Exported without secrets",
    name: "Runtime",
    kind: "Kind",
    endpoint: "Endpoint",
    credential: "Credential",
    status: "Status",
    actions: "Actions",
    builtInWhy: "Part of the backend itself, so it cannot be edited or deleted.",
    notEditable: "This connection cannot be edited here.",
    notDeletable: "This connection cannot be deleted.",
    test: "Test",
    edit: "Edit",
    clone: "Clone",
    delete: "Delete",
    readOnly: "The config file cannot be changed here. The reason is below.",
    emptyTitle: "Only the built-in runtime",
    emptyText: "Add a runtime on another machine to run workers there.",
    credentialState: {
      none: "None needed",
      resolvable: "Found",
      unresolvable: "Not found",
      rejected: "Refused by the runtime"
    },
    pendingBadge: { added: "not active yet", removed: "removal pending", changed: "change pending" },
    inactive: "not active",
    removedRow: "Removed from the file, still active until applied.",
    pending: {
      text: (count: number) =>
        count === 1
          ? "1 change takes effect after a restart, or now."
          : `${count} changes take effect after a restart, or now.`,
      review: "Review and apply",
      title: "Apply to the running backend",
      lead: "No restart needed. Connections that do not change keep their streams.",
      added: "Will be added",
      removed: "Will be removed",
      changed: "Will be reconnected",
      apply: "Apply now",
      applying: "Applying…",
      force: "Cut them off and apply",
      applied: "Applied. The running backend now matches the file."
    },
    deleting: {
      title: (name: string) => `Delete ${name}?`,
      text: "The connection is removed from the config file. Workers on the runtime itself keep running; this backend no longer reaches them.",
      uses: (count: number) => `${plural(count, "worker", "workers")} would be out of reach:`,
      usesMore: (count: number) => `and ${count} more`,
      usesNone: "No worker is known on it.",
      usesUnknown: "Its workers cannot be listed right now, so what this affects is not known.",
      confirm: "Delete connection",
      deleting: "Deleting…",
      deleted: (name: string) => `${name} was deleted from the file.`
    },
    blockers: "In the way",
    blockerWorker: (worker: string) => `Worker ${worker} is running`,
    blockerStream: (count: number) => plural(count, "open stream", "open streams"),
    saved: (name: string) => `${name} was saved.`,
    conflictList: "The file changed meanwhile. This list is fresh now; try again."
  },
  connectionForm: {
    addTitle: "Add runtime connection",
    addLead: "Nothing is contacted until you test or apply.",
    editTitle: (name: string) => `Edit ${name}`,
    cloneTitle: (name: string) => `Clone of ${name}`,
    kind: "Kind",
    /** The kinds that come with the backend; a plugin's kind has the words that it brings. */
    kindText: {
      remote_http: {
        label: "Remote runtime (HTTP)",
        description: "A worker-runtime on this or another machine, reached over its HTTP API."
      },
      mock: {
        label: "Mock",
        description: "A pretended runtime with scripted workers, latency and faults. Nothing leaves this machine."
      },
      process: {
        label: "Runtime process",
        description:
          "A worker-runtime in a process of its own on the backend's machine. The backend starts it, keeps it running and ends it; its workers survive a restart."
      },
      ssh: {
        label: "Remote runtime (SSH)",
        description:
          "A worker-runtime on another host that listens to that host alone, reached through the system's ssh."
      },
      opencode: {
        label: "opencode server",
        description:
          "The sessions of an opencode server as workers. Events can be resumed only while the connection holds, and stopping a worker archives its session."
      }
    } as Record<string, { readonly label: string; readonly description: string }>,
    id: "Id",
    idHint: "Names the runtime everywhere: letters, digits, _ and -. Cannot be changed later.",
    idFixed: "The id cannot be changed. Clone the connection to get another one.",
    displayName: "Display name",
    displayNameHint: "Shown instead of the id. Up to 80 characters.",
    endpoint: "Endpoint",
    endpointHint: "Absolute http or https URL, without user name, query or fragment.",
    tokenRef: "Token reference",
    tokenRefHint: "Says where the backend finds the token. The token itself is never typed here.",
    tokenRefTitle: "How references work",
    tokenRefIntro: "The token stays on the backend's machine. You only write where it is kept:",
    tokenRefLocal: "Kept by the backend; store it with the command line, from standard input.",
    tokenRefEnv: "An environment variable of the backend.",
    tokenRefFile: "A file only the backend's user can read.",
    options: "Options",
    notJson: "This is not valid JSON.",
    required: "This is required.",
    tooShort: (n: number) => `At least ${n} characters.`,
    tooLong: (n: number) => `At most ${n} characters.`,
    tooSmall: (n: number) => `At least ${n}.`,
    tooLarge: (n: number) => `At most ${n}.`,
    notNumber: "This is not a number.",
    notWhole: "This is not a whole number.",
    pattern: "This does not have the expected form.",
    badId: "Letters, digits, _ and -, starting with a letter or digit, at most 96.",
    secretHint: "Says where the backend finds the secret. The secret itself is never typed here.",
    notReference: "Only a reference such as env:NAME may stand here, never the secret itself.",
    notAbove: (n: number) => `More than ${n}.`,
    notBelow: (n: number) => `Less than ${n}.`,
    notStep: (n: number) => `A multiple of ${n}.`,
    tooFew: (n: number) => `At least ${n} of them.`,
    tooMany: (n: number) => `At most ${n} of them.`,
    notPair: "Write a name, = and the value.",
    twice: "This is there twice.",
    /** `place` is the number of a line or the name that it starts with. */
    inLine: (place: string, text: string) => `${/^\d+$/.test(place) ? `Line ${place}` : place}: ${text}`,
    unsetDefault: (preset: string) => `Not set (${preset})`,
    mapHint: "One per line, as name = value.",
    listHint: "One per line.",
    jsonHint: "Written as JSON.",
    unset: "Not set",
    saveLater: "Save",
    saveApply: "Save and apply",
    problems: "Some fields need attention.",
    fieldCode: {
      missing: "This is required.",
      unknown: "No plugin knows this.",
      unexpected: "The backend does not know this field.",
      wrong_type: "This is not of the expected kind.",
      ambiguous: "This can be read in two ways.",
      invalid: "This is not valid.",
      too_long: "This is too long.",
      invalid_character: "This contains a character that is not allowed.",
      not_http: "Start with http:// or https://.",
      userinfo: "Leave out user name and password; use a token reference.",
      query: "Leave out everything from the question mark on.",
      fragment: "Leave out everything from the # on.",
      invalid_host: "The host name is not valid.",
      invalid_port: "The port is not valid.",
      invalid_path: "The path is not valid.",
      reserved: "This is reserved for the backend itself.",
      taken: "This is taken. Choose another.",
      raw_secret: "Secrets are not stored here. Name the secret in the token reference."
    } as Record<string, string>,
    invalidField: "Check this field."
  },
  test: {
    title: "Test",
    run: "Test connection",
    running: "Testing…",
    again: "Test again",
    lead: "Uses the same client, credentials and rules as real calls. Nothing is saved.",
    compatible: "This connection works.",
    incompatible: "This connection does not work.",
    partly: "This connection works, with warnings.",
    step: {
      policy: "Egress policy",
      url: "Address",
      dns: "Name lookup",
      tcp: "Connection",
      tls: "TLS",
      http: "HTTP",
      auth: "Credential",
      protocol: "Protocol",
      capabilities: "Capabilities",
      operations: "Operations",
      stream: "Event stream"
    } as Record<string, string>,
    stepStatus: { pass: "passed", warn: "warning", fail: "failed", skip: "skipped", pending: "waiting" },
    ms: (n: number) => `${n.toLocaleString("en")} ms`,
    observed: "What answered",
    runtimeId: "Runtime's own id",
    version: "Version",
    basis: "Judged by",
    operations: "Operations",
    verdict: { available: "available", unavailable: "unavailable", unchecked: "not checked" } as Record<string, string>,
    needed: "needed"
  },
  conflict: {
    title: "Somebody else changed this meanwhile",
    text: "Your text is still in the form. Compare, then decide.",
    field: "Field",
    mine: "Yours",
    theirs: "In the file now",
    same: "No field differs: only other connections changed.",
    gone: "The connection is no longer in the file.",
    keepMine: "Save mine over it",
    takeTheirs: "Take theirs",
    continue: "Keep editing"
  },
  diagnostics: {
    title: "Diagnostics",
    lead: "What to look at, and what to send, when something is wrong.",
    versions: "Versions",
    page: "This page",
    backend: "Backend API",
    problems: "Problems",
    noProblems: "No problems",
    noProblemsText: "Every runtime is usable and the config file reads well.",
    where: "Where",
    configFile: "Config file",
    bundle: "Diagnostic bundle",
    bundleText:
      "One JSON file with versions, states and problem codes. Names, endpoints, token references, transcripts and addresses are left out; ids are replaced.",
    preview: "Preview",
    download: "Download bundle",
    browser: "Browser"
  }
}
