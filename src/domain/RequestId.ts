/** The id of the request that is being worked on, so that a call to a runtime can be found in both logs. */
import { Context } from "effect"

/** Undefined outside of a request. */
export const RequestId = Context.Reference<string | undefined>("yoi-workspace/domain/RequestId", {
  defaultValue: () => undefined
})
