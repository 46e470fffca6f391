/** What a runtime says it can do, as the console asks for it. */
import type { Capabilities, InputMode } from "#lib/api/wire.ts"

const modes: ReadonlyArray<InputMode> = ["queue", "interrupt"]

/** Whether the runtime says what it can do and leaves this out. One that says nothing is judged by what it answers. */
export const lacks = (capabilities: Capabilities, name: string): boolean =>
  Object.keys(capabilities).length > 0 && !Object.hasOwn(capabilities, name)

export const declares = (capabilities: Capabilities, name: string): boolean => Object.hasOwn(capabilities, name)

/** What may become of an input while the worker is busy, besides being refused. */
export const busyModes = (capabilities: Capabilities): ReadonlyArray<InputMode> => {
  const declared = declares(capabilities, "workers.input") ? capabilities["workers.input"]?.["modes"] : undefined
  return Array.isArray(declared) ? modes.filter((mode) => declared.includes(mode)) : []
}
