/** What becomes of a call that its host did not answer, or answered with a problem of its own. */
import { Cause, Option, Schema } from "effect"
import { RpcClientError } from "effect/rpc/RpcClientError"
import * as Problem from "../../domain/Problem.ts"
import * as RuntimeFault from "../../domain/RuntimeFault.ts"

/** The host has gone, and what was asked had not been sent or may be asked again. */
export const lost = (): Problem.Problem => RuntimeFault.problem("host_lost")

/** The host's problem without the name that the host gives the runtime: the backend has its own. */
const told = ({ _tag, context, detail }: Problem.Problem): Problem.Problem => {
  const { runtime_id: _, ...rest } = context
  return Problem.make(_tag, detail, rest)
}

/** @param unprotected whether it was a command that no key protects: to repeat it could do it twice */
export const problemOf = (
  cause: Cause.Cause<Problem.Problem | RpcClientError>,
  unprotected: boolean
): Problem.Problem => {
  const error = Option.getOrUndefined(Cause.findErrorOption(cause))
  if (Problem.isProblem(error)) return told(error)
  // An interruption is the host's: nobody asks what became of a call that was given up here.
  const met: unknown = error ?? Cause.squash(cause)
  if (met instanceof RpcClientError) {
    if (met.reason._tag === "RpcClientDefect") return RuntimeFault.problem("wrong_shape")
    // It never left.
    if (met.reason._tag === "SocketOpenError") return lost()
  } else if (Schema.isSchemaError(met)) {
    return RuntimeFault.problem("wrong_shape")
  } else if (!Cause.hasInterrupts(cause)) {
    return RuntimeFault.problem(unprotected ? "failed_midway" : "failed")
  }
  return unprotected ? RuntimeFault.problem("answer_lost") : lost()
}
