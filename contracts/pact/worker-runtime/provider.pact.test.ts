/** Our runtime keeps the contract that the backend has recorded: on a real port, in every state that it can be in. */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { PactFile } from "../../../src/app/cli/contract/PactFile.ts"
import * as States from "../../../src/app/cli/contract/States.ts"
import { committed } from "../Case.ts"
import { handlersFor, neverOurs, type Ours, start } from "../runtimeProvider.ts"
import { stagedStates } from "../stagedStates.ts"
import * as Switchboard from "../Switchboard.ts"
import { isHttp, type PactJson, readPact, stateOf, verifyHttp } from "../VerifyPact.ts"

const pact = readPact(join(committed, "workspace-backend-worker-runtime.json"))
const shutdown = "a runtime that is shutting down"
const shortPages = "an idle worker of a runtime with transcript pages of fewer than 256 items"
const inFlight = "a new worker that is still being made for its key"
const isOurs = (name: string): boolean => !Object.hasOwn(neverOurs, name)
const ours: PactJson = { ...pact, interactions: pact.interactions.filter((it) => isOurs(stateOf(it))) }

let board: Switchboard.Switchboard
let runtime: Ours
beforeAll(async () => {
  board = await Switchboard.open()
  runtime = await start(board)
}, 60_000)
afterAll(async () => {
  await runtime?.stop()
  await board?.close()
}, 60_000)

const names = (of: PactJson) => new Set(of.interactions.map(stateOf))

const refusal = async (doing: Promise<unknown>): Promise<string> =>
  doing.then(
    () => assert.fail("nothing was refused"),
    (cause: unknown) => (cause instanceof Error ? cause.message : String(cause))
  )

it("our worker-runtime keeps the contract of the backend", async () => {
  await verifyHttp({ pact: ours, url: board.url, handlers: handlersFor(names(ours), runtime.handlerOf) })
}, 120_000)

describe("contract verify", () => {
  const decode = Schema.decodeUnknownSync(PactFile)
  const isSkippable = (name: string) =>
    !isOurs(name) || [shutdown, shortPages, inFlight].includes(name) || Object.hasOwn(stagedStates, name)

  it("finds nothing wrong with our worker-runtime, frames included, and skips what no call can bring about", async () => {
    const checked = await runtime.play(decode(pact))
    assert.deepStrictEqual(
      checked.filter(({ outcome }) => outcome._tag === "failed"),
      []
    )
    const skipped = checked.filter(({ outcome }) => outcome._tag === "skipped").map(({ state }) => state)
    const expected = pact.interactions.map(stateOf).filter(isSkippable)
    assert.deepStrictEqual(skipped.toSorted(), expected.toSorted())
  }, 60_000)

  it("finds nothing wrong with what our worker-runtime tells of workers that do as they are told", async () => {
    const checked = await runtime.playStaged(decode(pact))
    assert.deepStrictEqual(
      checked.filter(({ outcome }) => outcome._tag !== "passed"),
      []
    )
    assert.isAbove(checked.length, 0)
  }, 60_000)

  it("fails a state that it does not know, and shows what to add", async () => {
    const file = decode(pact)
    const [first] = file.interactions
    const unknown = { ...first!, providerStates: [{ name: "a worker on the moon" }] }
    const [checked] = await runtime.play({ ...file, interactions: [unknown] })
    assert.include(JSON.stringify(checked), "nobody has implemented the state")
    assert.include(JSON.stringify(checked), "Effect.fnUntraced")
  }, 60_000)
})

describe("the catalogue of states", () => {
  it("has every state of the pact and no other", () => {
    assert.deepStrictEqual([...names(pact)].toSorted(), Object.keys(States.states).toSorted())
  })

  it("is written down for teams that make a pact of their own", () => {
    const document = readFileSync(fileURLToPath(new URL("../../../docs/contract-testing.md", import.meta.url)), "utf8")
    for (const name of Object.keys(States.states)) assert.include(document, `\n| ${name} `)
  })

  it("exempts only states that a runtime with every operation cannot be in", () => {
    const exempt = pact.interactions.filter((it) => !isOurs(stateOf(it)))
    assert.isTrue(exempt.every((it) => isHttp(it) && stateOf(it).startsWith("a runtime without ")))
    assert.lengthOf(exempt, 4)
  })
})

describe("the verification fails", () => {
  const one = (of: Partial<PactJson["interactions"][number]>): PactJson => ({
    ...ours,
    interactions: [{ ...ours.interactions.find(({ description }) => description === "a new worker")!, ...of }]
  })

  it("for a state that no handler implements, with the stub to paste", () => {
    const unknown = one({ providerStates: [{ name: "a worker on the moon" }] })
    assert.throws(
      () => handlersFor(names(unknown), runtime.handlerOf),
      /no handler implements it[^]*"a worker on the moon": Effect\.fnUntraced/
    )
  })

  it("with the exception of a handler", async () => {
    const broken = one({})
    const handlers = { "a runtime": () => Promise.reject(new Error("the disk is on fire")) }
    assert.include(await refusal(verifyHttp({ pact: broken, url: board.url, handlers })), "the disk is on fire")
  }, 60_000)

  it("for a pact without interactions", async () => {
    const empty = { ...ours, interactions: [] }
    assert.include(await refusal(verifyHttp({ pact: empty, url: board.url, handlers: {} })), "nothing was verified")
  })

  it("for an answer with another status", async () => {
    const changed = one({ response: { status: 418 } } as never)
    const handlers = handlersFor(names(changed), runtime.handlerOf)
    assert.include(await refusal(verifyHttp({ pact: changed, url: board.url, handlers })), "418")
  }, 60_000)
})
