/** What the web page asks of the backend, asked by the page's own client. */
import assert from "node:assert/strict"
import * as connections from "../../svelte-ui/src/lib/api/connections.ts"
import type { Outcome } from "../../svelte-ui/src/lib/api/problem.ts"
import * as runtimes from "../../svelte-ui/src/lib/api/runtimes.ts"
import * as session from "../../svelte-ui/src/lib/api/session.ts"
import * as workers from "../../svelte-ui/src/lib/api/workers.ts"
import { type Between, type Case, type Exchange, httpCase } from "./Case.ts"
import { bool, freshKey, headerOf, pathOf, problemJson } from "./matchers.ts"
import * as shape from "./uiShapes.ts"

export const between: Between = { consumer: "svelte-ui", provider: "workspace-backend" }

/** Where a backend asks for a login, this is the token that its tests take. */
export const accessToken = "contract-access-token-0123456789"

const key = "0191d3a0-0000-4000-8000-000000000001"
const tag = '"config-1"'
const { runtimeId, workerId } = shape
const noWorker = "worker-that-is-not-there"
const root = "/api/settings/runtime-connections"
const workersPath = `/api/runtimes/${runtimeId}/workers`

/** The page asks its own origin; here that is the mock server. */
const from = async <A>(origin: string, call: () => Promise<A>): Promise<A> => {
  const { fetch } = globalThis
  globalThis.fetch = (input, init) => fetch(new URL(String(input), origin), init)
  try {
    return await call()
  } finally {
    globalThis.fetch = fetch
  }
}

interface Asked extends Exchange {
  readonly keyed?: boolean
  /** Whether the request names the version of the config that the page has seen. */
  readonly tagged?: boolean
}

/** The entity tag that the config has in this state. */
const currentTag = headerOf("etag", '^(W/)?".+"$', tag)

const asked = ({ keyed, tagged, ...it }: Asked, call: () => Promise<Outcome<unknown>>, then = "ok"): Case => {
  const headers = {
    ...it.headers,
    ...(keyed === true ? { "idempotency-key": freshKey(key) } : undefined),
    ...(tagged === true ? { "if-match": currentTag } : undefined)
  }
  return httpCase(
    between,
    [{ ...it, ...(Object.keys(headers).length === 0 ? undefined : { headers }) }],
    async (url) => {
      const outcome = await from(url, call)
      assert.equal(outcome.ok ? "ok" : outcome.problem.code, then)
    }
  )
}

const refused = (status: number, code: string) => ({
  status,
  answer: shape.problem(status, code),
  answerHeaders: { "content-type": problemJson }
})

const ofWorker = (rest = "") => pathOf(`${workersPath}/\${worker_id}${rest}`, { worker_id: workerId })
const ok = { status: 200 } as const
const get = { given: "a backend", method: "GET" } as const

const pages: ReadonlyArray<Case> = [
  asked(
    {
      ...get,
      name: "whether a login is needed",
      path: "/api/session",
      ...ok,
      answer: { required: bool(false), active: bool(true) }
    },
    () => session.sessionState()
  ),
  asked(
    {
      given: "a backend that asks for a login",
      name: "a call without a login",
      method: "GET",
      path: "/api/runtimes",
      ...refused(401, "session_required")
    },
    () => runtimes.listRuntimes(),
    "session_required"
  ),
  asked(
    {
      given: "a backend that asks for a login",
      name: "a login with the access token",
      method: "POST",
      path: "/api/session",
      body: { token: accessToken },
      status: 204
    },
    () => session.logIn(accessToken)
  ),
  asked(
    {
      given: "a backend that asks for a login",
      name: "a login with another token",
      method: "POST",
      path: "/api/session",
      body: { token: "not-the-access-token" },
      ...refused(401, "session_required")
    },
    () => session.logIn("not-the-access-token"),
    "session_required"
  ),
  asked({ given: "a backend", name: "a logout", method: "DELETE", path: "/api/session", status: 204 }, () =>
    session.logOut()
  ),
  asked({ ...get, name: "the runtimes", path: "/api/runtimes", ...ok, answer: shape.runtimes }, () =>
    runtimes.listRuntimes()
  ),
  asked({ ...get, name: "what can be launched", path: "/api/launch-options", ...ok, answer: shape.launchOptions }, () =>
    runtimes.launchOptions()
  )
]

const worker: ReadonlyArray<Case> = [
  asked(
    { given: "an idle worker", name: "the workers", method: "GET", path: "/api/workers", ...ok, answer: shape.workers },
    () => workers.listWorkers({})
  ),
  asked(
    { given: "an idle worker", name: "one worker", method: "GET", path: ofWorker(), ...ok, answer: shape.oneWorker },
    () => workers.getWorker(runtimeId, workerId)
  ),
  asked(
    {
      ...get,
      name: "a worker that is not there",
      path: `${workersPath}/${noWorker}`,
      ...refused(404, "worker_not_found")
    },
    () => workers.getWorker(runtimeId, noWorker),
    "worker_not_found"
  ),
  asked(
    {
      ...get,
      name: "a worker of a runtime that is not there",
      path: "/api/runtimes/nobody/workers/w-1",
      ...refused(404, "runtime_not_found")
    },
    () => workers.getWorker("nobody", "w-1"),
    "runtime_not_found"
  ),
  asked(
    {
      given: "a runtime that cannot be reached",
      name: "a worker of a runtime that cannot be reached",
      method: "GET",
      path: "/api/runtimes/unreachable/workers/w-1",
      ...refused(502, "runtime_unreachable")
    },
    () => workers.getWorker("unreachable", "w-1"),
    "runtime_unreachable"
  ),
  asked(
    {
      given: "a backend",
      name: "a new worker",
      method: "POST",
      path: workersPath,
      keyed: true,
      body: { display_name: "Contract", profile: "builtin:echo", initial_input: { kind: "user", content: "hello" } },
      status: 201,
      answer: shape.oneWorker
    },
    () =>
      workers.createWorker(
        runtimeId,
        { display_name: "Contract", profile: "builtin:echo", initial_input: { kind: "user", content: "hello" } },
        key
      )
  ),
  asked(
    {
      given: "a backend",
      name: "a new worker with a profile that the runtime does not have",
      method: "POST",
      path: workersPath,
      keyed: true,
      body: { profile: "named:no-such-profile" },
      ...refused(400, "invalid_profile_selector")
    },
    () => workers.createWorker(runtimeId, { profile: "named:no-such-profile" }, key),
    "invalid_profile_selector"
  ),
  asked(
    {
      given: "a worker with a transcript",
      name: "a page of the transcript",
      method: "GET",
      path: ofWorker("/transcript"),
      query: { start: "0", limit: "200" },
      ...ok,
      answer: shape.transcript
    },
    () => workers.transcriptPage(runtimeId, workerId, 0)
  )
]

const input = (given: string, name: string, answer: Pick<Exchange, "status" | "answer">, then?: string) =>
  asked(
    {
      given,
      name,
      method: "POST",
      path: ofWorker("/input"),
      keyed: true,
      body: { kind: "user", content: "hello" },
      ...answer
    },
    () => workers.sendInput(runtimeId, workerId, "hello", key),
    then
  )

const commands: ReadonlyArray<Case> = [
  input("an idle worker", "input of an idle worker", { ...ok, answer: shape.inputAck }),
  input("a busy worker", "input of a busy worker", refused(409, "worker_busy"), "worker_busy"),
  input("a stopped worker", "input of a stopped worker", refused(409, "worker_not_running"), "worker_not_running"),
  ...(["stop", "cancel"] as const).map((verb) =>
    asked(
      {
        given: "an idle worker",
        name: `${verb} of an idle worker`,
        method: "POST",
        path: ofWorker(`/${verb}`),
        keyed: true,
        body: { reason: "enough" },
        ...ok,
        answer: shape.ack
      },
      () => workers.endWorker(verb, runtimeId, workerId, key, "enough")
    )
  )
]

const draft = { id: "contract", endpoint: "http://127.0.0.1:38899", display_name: "Contract" }
const seen = { ifMatch: tag }
const tagOf = { answerHeaders: { etag: shape.etag } }
const clean = "no connection of the contract"
const saved = "a connection of the contract"

const settings: ReadonlyArray<Case> = [
  asked(
    { given: saved, name: "the connections", method: "GET", path: root, ...ok, ...tagOf, answer: shape.connections },
    () => connections.listConnections()
  ),
  asked({ ...get, name: "the kinds of connections", path: `${root}/kinds`, ...ok, answer: shape.kinds }, () =>
    connections.listKinds()
  ),
  asked(
    {
      given: saved,
      name: "the export of the connections",
      method: "GET",
      path: `${root}/export`,
      ...ok,
      answerHeaders: { "content-type": "application/toml" }
    },
    () => connections.exportConnections()
  ),
  asked(
    {
      given: clean,
      name: "a new connection",
      method: "POST",
      path: root,
      tagged: true,
      body: draft,
      status: 201,
      ...tagOf,
      answer: shape.written
    },
    () => connections.addConnection(draft, seen)
  ),
  asked(
    {
      given: clean,
      name: "a new connection whose endpoint is none",
      method: "POST",
      path: root,
      tagged: true,
      body: { ...draft, endpoint: "ftp://example" },
      ...refused(400, "invalid_endpoint")
    },
    () => connections.addConnection({ ...draft, endpoint: "ftp://example" }, seen),
    "invalid_endpoint"
  ),
  asked(
    {
      given: saved,
      name: "a new connection with an id that is taken",
      method: "POST",
      path: root,
      tagged: true,
      body: draft,
      ...refused(409, "runtime_id_taken")
    },
    () => connections.addConnection(draft, seen),
    "runtime_id_taken"
  ),
  asked(
    {
      given: clean,
      name: "a new connection after somebody else's change",
      method: "POST",
      path: root,
      headers: { "if-match": '"of-another-time"' },
      body: draft,
      ...refused(412, "config_changed")
    },
    () => connections.addConnection(draft, { ifMatch: '"of-another-time"' }),
    "config_changed"
  ),
  asked(
    {
      given: saved,
      name: "a change of a connection",
      method: "PATCH",
      path: `${root}/contract`,
      tagged: true,
      body: { display_name: "Renamed" },
      ...ok,
      ...tagOf,
      answer: shape.written
    },
    () => connections.editConnection("contract", { display_name: "Renamed" }, seen)
  ),
  asked(
    {
      given: saved,
      name: "a connection that goes away",
      method: "DELETE",
      path: `${root}/contract`,
      tagged: true,
      ...ok,
      ...tagOf,
      answer: shape.deleted
    },
    () => connections.deleteConnection("contract", seen)
  ),
  asked(
    {
      given: clean,
      name: "a connection that is not there and goes away",
      method: "DELETE",
      path: `${root}/nobody`,
      tagged: true,
      ...refused(404, "connection_not_found")
    },
    () => connections.deleteConnection("nobody", seen),
    "connection_not_found"
  ),
  asked(
    {
      given: clean,
      name: "the built-in runtime goes away",
      method: "DELETE",
      path: `${root}/${runtimeId}`,
      tagged: true,
      ...refused(409, "runtime_built_in")
    },
    () => connections.deleteConnection(runtimeId, seen),
    "runtime_built_in"
  ),
  asked(
    {
      given: saved,
      name: "a test of a connection",
      method: "POST",
      path: `${root}/contract/test`,
      query: { stream: "true" },
      ...ok,
      answerHeaders: { "content-type": "application/x-ndjson" },
      text: shape.testLines
    },
    () => connections.testSaved("contract")
  ),
  asked(
    {
      given: clean,
      name: "a test of a draft",
      method: "POST",
      path: `${root}/test`,
      body: draft,
      query: { stream: "true" },
      ...ok,
      answerHeaders: { "content-type": "application/x-ndjson" },
      text: shape.testLines
    },
    () => connections.testDraft(draft)
  ),
  asked(
    {
      given: "nothing to apply",
      name: "the connections made live",
      method: "POST",
      path: `${root}/apply`,
      tagged: true,
      ...ok,
      ...tagOf,
      answer: shape.applied
    },
    () => connections.applyConnections(tag, false)
  )
]

export const uiCases: ReadonlyArray<Case> = [...pages, ...worker, ...commands, ...settings]
