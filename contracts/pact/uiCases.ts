/** What the web page asks of the backend about runtimes and workers, asked by the page's own client. */
import * as runtimes from "../../svelte-ui/src/lib/api/runtimes.ts"
import * as session from "../../svelte-ui/src/lib/api/session.ts"
import * as workers from "../../svelte-ui/src/lib/api/workers.ts"
import type { Case, Exchange } from "./Case.ts"
import { bool } from "./matchers.ts"
import { accessToken, asked, get, key, noWorker, ofWorker, ok, refused, workersPath } from "./uiCall.ts"
import * as shape from "./uiShapes.ts"

const { runtimeId, workerId } = shape

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
    () => workers.sendInput(runtimeId, workerId, "hello", undefined, key),
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

export const uiCases: ReadonlyArray<Case> = [...pages, ...worker, ...commands]
