/** The kinds of runtime that there are, and the one way out that they share. */
import { Effect, Layer } from "effect"
import * as EgressClient from "../adapters/egress/EgressClient.ts"
import { ConfigStore } from "../domain/ConfigStore.ts"
import { SourceKinds } from "../domain/SourceKind.ts"
import { mock } from "../plugins/mock/index.ts"
import { opencode } from "../plugins/opencode/index.ts"
import { processRuntime } from "../plugins/process/index.ts"
import { remoteHttp } from "../plugins/remote-http/index.ts"
import { ssh } from "../plugins/ssh/index.ts"
import * as IsolatedLayer from "./plugins/isolatedLayer.ts"
import * as Outbound from "./plugins/Outbound.ts"
import { Plugins } from "./plugins/Plugins.ts"

/** Under the policy of the config file; a change of the policy takes effect at the next start. */
const egress = Layer.unwrap(
  Effect.gen(function* () {
    const store = yield* ConfigStore
    const { egress: policy } = yield* store.read
    return EgressClient.layer({ policy })
  })
)

const installed = Layer.effectDiscard(
  Effect.gen(function* () {
    const kinds = yield* SourceKinds
    yield* kinds.add(remoteHttp, { built_in: true })
    yield* kinds.add(mock, { built_in: true })
    yield* kinds.add(processRuntime, { built_in: true })
    yield* kinds.add(ssh, { built_in: true })
    yield* kinds.add(opencode, { built_in: true })
  })
)

const builtIn = Layer.provideMerge(installed, SourceKinds.layer)

/** The product's own kinds first, so that no plugin can take their names; then those of the config file's plugins. */
export const layer = Plugins.layer.pipe(
  Layer.provide([Outbound.layer, IsolatedLayer.layer]),
  Layer.provideMerge(builtIn),
  Layer.provide(egress)
)
