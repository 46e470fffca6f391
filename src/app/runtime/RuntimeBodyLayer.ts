/** Looks at a request's body before anything parses it. Stop and cancel may come without any body. */
import { Effect, Layer } from "effect"
import { RuntimeBody } from "../../domain/api/RuntimeApi.ts"
import * as JsonBody from "../http/JsonBody.ts"

export const layer = Layer.succeed(RuntimeBody, (endpoint) => Effect.andThen(JsonBody.check, endpoint))
