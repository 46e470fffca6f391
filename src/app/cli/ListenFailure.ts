/** Why a server could not start to listen, as a sentence that says what to do. */

const codeOf = (cause: unknown): string | undefined => {
  for (let it = cause, depth = 0; typeof it === "object" && it !== null && depth < 5; depth++) {
    if ("code" in it && typeof it.code === "string") return it.code
    it = "cause" in it ? it.cause : undefined
  }
  return undefined
}

/** @param flag the flag that sets the address, for instance `--bind` */
export const explain = (cause: unknown, flag: string): string => {
  switch (codeOf(cause)) {
    case "EADDRINUSE":
      return `The address is in use by another process. Stop it, or choose another with ${flag} HOST:PORT.`
    case "EACCES":
      return `The address may not be used by this user. Choose a port above 1023 with ${flag} HOST:PORT.`
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
      return `The address is not one of this machine. Choose another with ${flag} HOST:PORT.`
    default:
      return cause instanceof Error && cause.message !== "" ? cause.message : "The server could not start."
  }
}
