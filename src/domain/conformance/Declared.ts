/** What a runtime says that it can do. */
import { capability, type RuntimeDescription } from "../Runtime.ts"
import type { Need } from "./Case.ts"

/** Undefined when the runtime has no capability map: then it is judged by what it answers. */
export const by = ({ capabilities }: RuntimeDescription, need: Need): boolean | undefined => {
  if (capabilities === undefined) return undefined
  const has = (name: string) => Object.hasOwn(capabilities, name)
  return need === "events" ? has(capability.eventsWs) || has(capability.eventsSse) : has(need)
}

/** A limit that goes with a capability, if the runtime says it. */
export const limit = ({ capabilities }: RuntimeDescription, need: Need, name: string): number | undefined => {
  const value = capabilities?.[need]?.[name]
  return typeof value === "number" ? value : undefined
}
