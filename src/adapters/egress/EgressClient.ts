/** The guarded HTTP client: everything that leaves the backend goes to a checked target through here. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { type EgressRequest, type EgressResponse, exchange } from "./EgressExchange.ts"
import type { EgressFailure } from "./EgressFailure.ts"
import * as EgressPolicy from "./EgressPolicy.ts"
import * as EgressPool from "./EgressPool.ts"
import * as EgressTarget from "./EgressTarget.ts"

export type { EgressRequest, EgressResponse } from "./EgressExchange.ts"

export interface Options {
  readonly policy?: EgressPolicy.Options
  readonly timeouts?: EgressPool.PoolTimeouts
}

export class EgressClient extends Context.Service<
  EgressClient,
  {
    /** Checks an endpoint without connecting; enough for `EgressProbe` and `EgressSocket`. Fails with `policy`. */
    readonly check: (
      url: string,
      options?: EgressTarget.TargetOptions
    ) => Effect.Effect<EgressTarget.Address, EgressFailure>
    /** Checks an endpoint and gives it connections, none of them open yet, until the scope ends. */
    readonly target: (
      url: string,
      options?: EgressTarget.TargetOptions
    ) => Effect.Effect<EgressTarget.Target, EgressFailure, Scope.Scope>
    /** One request and its whole answer. Interrupting it closes the connection it used. */
    readonly request: (request: EgressRequest) => Effect.Effect<EgressResponse, EgressFailure>
  }
>()("yoi/adapters/egress/EgressClient") {}

/** Fails when the policy's options cannot be read. */
export const layer = (options: Options = {}): Layer.Layer<EgressClient, EgressPolicy.EgressPolicyInvalid> =>
  Layer.effect(
    EgressClient,
    Effect.gen(function* () {
      const policy = yield* Effect.fromResult(EgressPolicy.make(options.policy))
      const check = (url: string, target?: EgressTarget.TargetOptions) => EgressTarget.check(policy, url, target)
      return EgressClient.of({
        check,
        target: (url, target) =>
          Effect.flatMap(check(url, target), (address) =>
            EgressPool.open(address, options.timeouts ?? EgressPool.defaultTimeouts)
          ),
        request: exchange
      })
    })
  )
