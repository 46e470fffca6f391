/** What the web page asks of the connections: reading, writing, testing and applying them. */
import * as connections from "../../svelte-ui/src/lib/api/connections.ts"
import type { Case } from "./Case.ts"
import { asked, get, ok, refused, tag } from "./uiCall.ts"
import * as shape from "./uiShapes.ts"

const root = "/api/settings/runtime-connections"
const { runtimeId } = shape

const draft = { id: "contract", endpoint: "http://127.0.0.1:38899", display_name: "Contract" }
const seen = { ifMatch: tag }
const tagOf = { answerHeaders: { etag: shape.etag } }
const clean = "no connection of the contract"
const saved = "a connection of the contract"

export const settingsCases: ReadonlyArray<Case> = [
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
