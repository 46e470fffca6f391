/** The laboratory's runtime behind two ends of a wire: whatever the kit asks crosses it, and the wire can be cut. */
import { MessageChannel } from "node:worker_threads"
import { Effect, Layer, Scope, Stream } from "effect"
import * as Pipe from "../../src/adapters/rpc/Pipe.ts"
import * as PipeServer from "../../src/adapters/rpc/PipeServer.ts"
import * as RpcSource from "../../src/adapters/rpc/RpcSource.ts"
import * as SourceHost from "../../src/adapters/rpc/SourceHost.ts"
import * as Wire from "../../src/adapters/rpc/Wire.ts"
import type { Source, Subject } from "../../src/domain/conformance/Conformance.ts"
import { RuntimeId } from "../../src/domain/Identifiers.ts"
import * as RuntimeSource from "../../src/domain/RuntimeSource.ts"
import { embedded } from "./Laboratory.ts"

const channel = 7

export const identity = { id: RuntimeId.make("rpc-1"), kind: "hosted", display_name: "Hosted", built_in: false }

/** A source, and the same at the other end of a wire. */
export const across = Effect.fnUntraced(function* (hosted: Source) {
  const { port1, port2 } = new MessageChannel()
  const near = Pipe.make(Wire.overPort(port1))
  const far = Pipe.make(Wire.overPort(port2))
  yield* Effect.addFinalizer(() => Effect.sync(() => near.end("closed")))
  yield* Layer.build(Layer.provide(SourceHost.layer(hosted), PipeServer.layer(far, channel)))
  return { primitives: yield* RpcSource.make(near, channel), near, far }
})

export const make = Effect.gen(function* () {
  const base = yield* embedded
  const scope = yield* Effect.scope
  const links = new Set<{ current: Effect.Success<ReturnType<typeof across>> }>()
  const link = Effect.gen(function* () {
    return yield* Scope.provide(across(yield* base.connect), yield* Scope.fork(scope))
  })
  const connect = Effect.gen(function* () {
    const it = yield* Effect.acquireRelease(
      Effect.map(link, (current) => ({ current })),
      (one) => Effect.sync(() => links.delete(one))
    )
    links.add(it)
    const now = <A, E>(call: (source: RuntimeSource.Primitives) => Effect.Effect<A, E>) =>
      Effect.suspend(() => call(it.current.primitives))
    const { current: first } = it
    return RuntimeSource.make(identity, {
      ...first.primitives,
      describe: now((one) => one.describe),
      list: (...asked) => now((one) => one.list(...asked)),
      get: (...asked) => now((one) => one.get(...asked)),
      create: (...asked) => now((one) => one.create(...asked)),
      input: (...asked) => now((one) => one.input(...asked)),
      stop: (...asked) => now((one) => one.stop(...asked)),
      cancel: (...asked) => now((one) => one.cancel(...asked)),
      interrupt: (...asked) => Effect.suspend(() => it.current.primitives.interrupt(...asked)),
      unqueue: (...asked) => Effect.suspend(() => it.current.primitives.unqueue(...asked)),
      permit: (...asked) => Effect.suspend(() => it.current.primitives.permit(...asked)),
      transcript: (...asked) => now((one) => one.transcript(...asked)),
      events: (...asked) => Stream.suspend(() => it.current.primitives.events(...asked)),
      bundles: now((one) => one.bundles),
      putBundle: (...asked) => now((one) => one.putBundle(...asked)),
      bundleAvailability: (...asked) => now((one) => one.bundleAvailability(...asked))
    })
  })
  const relink = Effect.forEach(links, (it) => Effect.map(link, (current) => void (it.current = current)), {
    discard: true
  })
  const cut = Effect.andThen(
    Effect.sync(() => {
      for (const { current } of links) current.far.end("closed")
    }),
    relink
  )
  return {
    ...base,
    name: "the source across a wire",
    connect,
    credential: { kind: "none", reason: "Nobody else can open the wire." },
    unreachable: Effect.tap(connect, () =>
      Effect.sync(() => {
        const last = [...links].at(-1)
        last?.current.far.end("closed")
      })
    ),
    cut,
    restart: Effect.andThen(base.restart, cut)
  } satisfies Subject
})
