/** A source hosted in a process of its own, reached over RPC through a proxy that can cut connections. */
import { type ChildProcess, fork } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { Effect } from "effect"
import * as HostSocket from "../../src/adapters/rpc/HostSocket.ts"
import * as RpcSource from "../../src/adapters/rpc/RpcSource.ts"
import type { Connect, Subject } from "../../src/domain/conformance/Conformance.ts"
import { RuntimeId } from "../../src/domain/Identifiers.ts"
import * as FaultProxy from "../support/FaultProxy.ts"
import { expire, hidden, hold } from "./Laboratory.ts"

const main = fileURLToPath(new URL("rpcHost.fixture.ts", import.meta.url))

/** The text that a defect of the hosted source carries. */
export const defectText = "host-defect-51c0 at postgres://hosted.internal"

/** What the host says next over its own channel to the test. */
const said = (child: ChildProcess) =>
  Effect.callback<{ readonly port: number; readonly streams: number }>((resume) => {
    const end = () => resume(Effect.die(new Error("The host has ended.")))
    child.once("exit", end)
    child.once("message", (message) => {
      child.off("exit", end)
      resume(Effect.succeed(message as { readonly port: number; readonly streams: number }))
    })
  })

/** Over a store on files: what was acknowledged must survive a SIGKILL. */
const host = Effect.gen(function* () {
  const root = yield* Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "rpc-host-"))),
    (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
  )
  let child: ChildProcess
  let port = 0
  const start = Effect.gen(function* () {
    child = fork(main, [String(port), root], { stdio: ["ignore", "inherit", "inherit", "ipc"] })
    port = (yield* said(child)).port
  })
  const kill = Effect.callback<void>((resume) => {
    if (child.exitCode !== null || child.signalCode !== null) return resume(Effect.void)
    child.once("exit", () => resume(Effect.void))
    child.kill("SIGKILL")
  })
  yield* Effect.acquireRelease(start, () => kill)
  const openStreams = Effect.suspend(() => {
    const answer = said(child)
    child.send("streams")
    return Effect.map(answer, ({ streams }) => streams)
  })
  return { port, kill, openStreams, restart: Effect.andThen(kill, start) }
})

const to = (port: number): Connect =>
  RpcSource.make(
    { id: RuntimeId.make("rpc-1"), kind: "hosted", display_name: "Hosted" },
    HostSocket.client({ host: "127.0.0.1", port })
  )

export const make = Effect.gen(function* () {
  const { kill, openStreams, port, restart } = yield* host
  const proxy = yield* FaultProxy.make(port)
  const nowhere = yield* FaultProxy.make(port)
  yield* nowhere.set({ _tag: "refuse" })
  return {
    name: "the hosted source",
    connect: to(proxy.port),
    credential: { kind: "none", reason: "Whoever may open the host's socket may call it." },
    hidden: [
      hidden("the address", `127.0.0.1:${proxy.port}`),
      hidden("the address of nobody", `127.0.0.1:${nowhere.port}`)
    ],
    hold,
    unreachable: to(nowhere.port),
    cut: proxy.cut,
    openStreams,
    expire,
    restart,
    kill
  } satisfies Subject & { readonly kill: Effect.Effect<void> }
})
