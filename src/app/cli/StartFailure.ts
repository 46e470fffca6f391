/** Why a server could not start, in one sentence that says what to do. */
import { ProfileFileRefused } from "../../adapters/executors/ProfileFile.ts"
import { isProblem } from "../../domain/Problem.ts"

const codeOf = (cause: unknown): string | undefined => {
  for (let it = cause, depth = 0; typeof it === "object" && it !== null && depth < 5; depth++) {
    if ("code" in it && typeof it.code === "string") return it.code
    it = "cause" in it ? it.cause : undefined
  }
  return undefined
}

/** Never tells a path: those of failures that are not ours are left out. */
export const explain = (cause: unknown, flag: "--listen" | "--bind"): string => {
  switch (codeOf(cause)) {
    case "EADDRINUSE":
      return `The address is in use by another process. Stop it, or choose another with ${flag} HOST:PORT.`
    case "EACCES":
      return `The address may not be used by this user. Choose a port above 1023 with ${flag} HOST:PORT.`
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
      return `The address is not one of this machine. Choose another with ${flag} HOST:PORT.`
    default:
      return isProblem(cause) || cause instanceof ProfileFileRefused ? cause.message : "The server could not start."
  }
}
