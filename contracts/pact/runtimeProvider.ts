/** Brings our runtime into the states of its pact: most through its own API, the others by how it is started. */
import { Effect, Layer, Redacted } from "effect"
import * as SecureRandom from "effect/crypto/SecureRandom"
import type { PactFile } from "../../src/app/cli/contract/PactFile.ts"
import * as Provider from "../../src/app/cli/contract/Provider.ts"
import * as States from "../../src/app/cli/contract/States.ts"
import { idle, type Reach } from "../../src/app/cli/contract/StateCalls.ts"
import type { Checked } from "../../src/app/cli/contract/Outcome.ts"
import { type ReachOf, verify } from "../../src/app/cli/contract/Verify.ts"
import { client } from "../egress/egressWorld.ts"
import * as RuntimeInProcess from "./RuntimeInProcess.ts"
import { token } from "./runtimeCall.ts"
import * as StagedExecutor from "./StagedExecutor.ts"
import { stagedStates } from "./stagedStates.ts"
import { placeholder, type Switchboard } from "./Switchboard.ts"

/** States that our runtime can never be in, each with the reason. Their interactions are for runtimes that do less. */
export const neverOurs: Readonly<Partial<Record<States.StateName, string>>> = {
  "a runtime without workers.input": "ours has every operation",
  "a runtime without workers.stop": "ours has every operation",
  "a runtime without workers.cancel": "ours has every operation",
  "a runtime without config_bundles": "ours has every operation"
}

export type Handler = () => Promise<Record<string, string>>

/** What a state of a pact that has no handler fails with. */
export const unimplemented = (name: string): Error =>
  new Error(
    `The pact names the state ${JSON.stringify(name)}, and no handler implements it. Add to States.ts:\n${States.stub(name)}`
  )

/** A handler for each of the names. Fails at once for a name that is not in the catalogue. */
export const handlersFor = <A>(
  names: Iterable<string>,
  handlerOf: (name: States.StateName) => A
): Record<string, A> => {
  const handlers: Record<string, A> = {}
  for (const name of names) {
    if (!States.isState(name)) throw unimplemented(name)
    handlers[name] = handlerOf(name)
  }
  return handlers
}

export interface Ours {
  /** The same pact as `contract verify` plays it, frames included. */
  readonly play: (pact: PactFile) => Promise<ReadonlyArray<Checked>>
  /** The interactions of staged states only, with workers that are staged. */
  readonly playStaged: (pact: PactFile) => Promise<ReadonlyArray<Checked>>
  readonly handlerOf: (name: States.StateName) => Handler
  readonly stop: () => Promise<void>
}

const layer = Layer.mergeAll(Layer.fresh(client()), SecureRandom.layerWebCrypto)

const tooLarge = "an idle worker and an input that is larger than it may be"
const inFlight = "a new worker that is still being made for its key"

/** An ordinary runtime, one with short pages, one with staged workers, one that is never done, and one for each shutdown. */
export const start = async (board: Switchboard): Promise<Ours> => {
  const ordinary = await RuntimeInProcess.start()
  const short = await RuntimeInProcess.start({ maxTranscriptItems: 100 })
  const staged = await RuntimeInProcess.start({ executor: StagedExecutor.executor })
  const slow = StagedExecutor.slow()
  const busy = await RuntimeInProcess.start({ executor: slow.executor })
  const made: Array<{ readonly port: number; readonly worker_id: string }> = []
  const ending: Array<RuntimeInProcess.RuntimeInProcess> = []
  const unanswered = new AbortController()

  const providerAt = (port: number) => Provider.make(`http://127.0.0.1:${port}`, Redacted.make(token))

  const reached = (port: number, reach: Reach): Promise<Record<string, string>> => {
    board.connect(port)
    return providerAt(port).pipe(
      Effect.flatMap(reach),
      Effect.tap(({ worker_id }) => Effect.sync(() => worker_id !== undefined && made.push({ port, worker_id }))),
      Effect.mapError((failed) => new Error("why" in failed ? failed.why : failed.message)),
      Effect.scoped,
      Effect.provide(layer),
      Effect.runPromise
    )
  }

  const verified = (port: number, pact: PactFile, reachOf?: ReachOf) =>
    providerAt(port).pipe(
      Effect.flatMap((provider) => verify(provider, pact, reachOf)),
      Effect.scoped,
      Effect.provide(layer),
      Effect.runPromise
    )

  const shuttingDown: Handler = async () => {
    const runtime = await RuntimeInProcess.start()
    ending.push(runtime)
    const found = await reached(runtime.port, idle)
    await runtime.drain()
    return { ...found }
  }

  /** The first of two creations with one key: it is not answered before the runtime ends. */
  const unfinished: Handler = async () => {
    board.connect(busy.port)
    const idempotency_key = "contract-key-in-flight"
    const headers = {
      authorization: `Bearer ${token}`,
      "content-type": "application/json",
      "idempotency-key": idempotency_key
    }
    fetch(`http://127.0.0.1:${busy.port}/v1/workers`, {
      method: "POST",
      headers,
      body: JSON.stringify({ display_name: "Keyed" }),
      signal: unanswered.signal
    }).catch(() => {})
    await slow.asked
    return { idempotency_key }
  }

  return {
    play: (pact) => verified(ordinary.port, pact),
    playStaged: (pact) => {
      const isStaged = (it: PactFile["interactions"][number]) =>
        Object.hasOwn(stagedStates, it.providerStates?.[0]?.name ?? "")
      return verified(
        staged.port,
        { ...pact, interactions: pact.interactions.filter(isStaged) },
        (name) => stagedStates[name]
      )
    },
    handlerOf: (name) => {
      if (name === "a runtime that is shutting down") return shuttingDown
      if (name === inFlight) return unfinished
      const play = stagedStates[name]
      if (play !== undefined) return () => reached(staged.port, play)
      if (name === tooLarge) {
        return async () => {
          const { content = "", ...found } = await reached(ordinary.port, States.states[name])
          board.grown = content
          return { ...found, content: placeholder }
        }
      }
      const few = name === "an idle worker of a runtime with transcript pages of fewer than 256 items"
      return () => reached(few ? short.port : ordinary.port, States.states[name])
    },
    stop: async () => {
      unanswered.abort()
      // A worker that is still busy would be waited for.
      const headers = { authorization: `Bearer ${token}` }
      for (const { port, worker_id } of made) {
        await fetch(`http://127.0.0.1:${port}/v1/workers/${worker_id}/cancel`, { method: "POST", headers })
      }
      for (const runtime of [ordinary, short, staged, busy, ...ending]) await runtime.stop()
    }
  }
}
