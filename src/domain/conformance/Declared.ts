/** What a runtime says that it can do. */
import { capability, type RuntimeDescription } from "../Runtime.ts"
import type { Need } from "./Case.ts"

/** Undefined when the runtime has no capability map: then it is judged by what it answers. */
export const by = ({ capabilities }: RuntimeDescription, need: Need): boolean | undefined => {
  if (capabilities === undefined) return undefined
  const has = (name: string) => Object.hasOwn(capabilities, name)
  const takes = (mode: string) => {
    const modes = capabilities[capability.input]?.modes
    return Array.isArray(modes) && modes.includes(mode)
  }
  switch (need) {
    case "events":
      return has(capability.eventsWs) || has(capability.eventsSse)
    case "workers.input.queue":
      return takes("queue")
    case "workers.input.interrupt":
      return takes("interrupt")
    default:
      return has(need)
  }
}

/** A limit that goes with a capability, if the runtime says it. */
export const limit = ({ capabilities }: RuntimeDescription, need: Need, name: string): number | undefined => {
  const value = capabilities?.[need]?.[name]
  return typeof value === "number" ? value : undefined
}
