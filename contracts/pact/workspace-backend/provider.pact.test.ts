/** Our backend keeps the contract that the web page has recorded: on a real port, in every state that the pact names. */
import { afterAll, assert, beforeAll, it } from "@effect/vitest"
import { join } from "node:path"
import { handlersFor, type OurBackend, start, stateNames } from "../backendStates.ts"
import { verifyFrames } from "../BackendFrames.ts"
import { committed } from "../Case.ts"
import * as Switchboard from "../Switchboard.ts"
import { isHttp, readPact, stateOf, verifyHttp } from "../VerifyPact.ts"

const pact = readPact(join(committed, "svelte-ui-workspace-backend.json"))
const names = new Set(pact.interactions.map(stateOf))

let board: Switchboard.Switchboard
let backend: OurBackend
beforeAll(async () => {
  board = await Switchboard.open()
  backend = await start(board)
}, 60_000)
afterAll(async () => {
  await backend?.stop()
  await board?.close()
}, 60_000)

it("our backend keeps the contract of the web page", async () => {
  await verifyHttp({ pact, url: board.url, handlers: handlersFor(names, backend) })
}, 120_000)

it("our backend sends every frame as the web page reads it", async () => {
  const { compared, differences } = await verifyFrames(pact, handlersFor(names, backend))
  assert.deepStrictEqual(differences, [])
  assert.strictEqual(compared, pact.interactions.filter((it) => !isHttp(it)).length)
  assert.isAbove(compared, 0)
}, 60_000)

it("has every state of the pact and no other", () => {
  assert.deepStrictEqual([...names].toSorted(), stateNames.toSorted())
})

it("fails for a state that no handler implements, with the stub to paste", () => {
  assert.throws(() => handlersFor(["a backend on the moon"], backend), /"a backend on the moon": async \(call\)/)
})
