/** Brings our runtime into the states of its pact: most through its own API, the others by how it is started. */
import { Effect, Layer, Redacted } from "effect"
import * as SecureRandom from "effect/crypto/SecureRandom"
import type { PactFile } from "../../src/app/cli/contract/PactFile.ts"
import * as Provider from "../../src/app/cli/contract/Provider.ts"
import * as States from "../../src/app/cli/contract/States.ts"
import { type Checked, verify } from "../../src/app/cli/contract/Verify.ts"
import { client } from "../egress/egressWorld.ts"
import * as RuntimeInProcess from "./RuntimeInProcess.ts"
import { token } from "./runtimeCases.ts"
import type { Switchboard } from "./Switchboard.ts"

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
  readonly handlerOf: (name: States.StateName) => Handler
  readonly stop: () => Promise<void>
}

const layer = Layer.mergeAll(Layer.fresh(client()), SecureRandom.layerWebCrypto)

/** Three runtimes: an ordinary one, one with short pages, and one for each shutdown. */
export const start = async (board: Switchboard): Promise<Ours> => {
  const ordinary = await RuntimeInProcess.start(256)
  const short = await RuntimeInProcess.start(100)
  const made: Array<{ readonly port: number; readonly worker_id: string }> = []
  const ending: Array<RuntimeInProcess.RuntimeInProcess> = []

  const reach = (port: number, name: States.StateName) => {
    board.connect(port)
    return Provider.make(`http://127.0.0.1:${port}`, Redacted.make(token)).pipe(
      Effect.flatMap((provider) => States.reach(name, provider)),
      Effect.tap(({ worker_id }) => Effect.sync(() => worker_id !== undefined && made.push({ port, worker_id }))),
      Effect.mapError((failed) => new Error("why" in failed ? failed.why : failed.message)),
      Effect.scoped,
      Effect.provide(layer),
      Effect.runPromise
    )
  }

  const shuttingDown: Handler = async () => {
    const runtime = await RuntimeInProcess.start(256)
    ending.push(runtime)
    const reached = await reach(runtime.port, "an idle worker")
    await runtime.drain()
    return { ...reached }
  }

  return {
    play: (pact) =>
      Provider.make(`http://127.0.0.1:${ordinary.port}`, Redacted.make(token)).pipe(
        Effect.flatMap((provider) => verify(provider, pact)),
        Effect.scoped,
        Effect.provide(layer),
        Effect.runPromise
      ),
    handlerOf: (name) => {
      if (name === "a runtime that is shutting down") return shuttingDown
      const few = name === "an idle worker of a runtime with transcript pages of fewer than 256 items"
      return async () => ({ ...(await reach(few ? short.port : ordinary.port, name)) })
    },
    stop: async () => {
      // A worker that is still busy would be waited for.
      const headers = { authorization: `Bearer ${token}` }
      for (const { port, worker_id } of made) {
        await fetch(`http://127.0.0.1:${port}/v1/workers/${worker_id}/cancel`, { method: "POST", headers })
      }
      for (const runtime of [ordinary, short, ...ending]) await runtime.stop()
    }
  }
}
