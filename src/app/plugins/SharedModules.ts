/**
 * Plugins share the backend's own `effect` and `yoi-workspace/plugin`, wherever they lie and whether or not they have been
 * installed there: values of two copies of `effect`, for instance redacted ones, cannot be read by each other.
 */
import { registerHooks } from "node:module"
import * as OwnModules from "./ownModules.ts"

const isEffect = (specifier: string): boolean => specifier === "effect" || specifier.startsWith("effect/")

let registered = false

/** For every import of this thread from now on. */
export const share = (): void => {
  if (registered) return
  registered = true
  registerHooks({
    resolve: (specifier, context, next) => {
      if (specifier === "yoi-workspace/plugin") return { url: OwnModules.plugin, shortCircuit: true }
      const found = next(specifier, isEffect(specifier) ? { ...context, parentURL: import.meta.url } : context)
      return { ...found, url: OwnModules.effect(found.url) }
    }
  })
}
