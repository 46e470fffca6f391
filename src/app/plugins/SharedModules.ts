/**
 * Plugins share the backend's own `effect` and `yoi-workspace/plugin`, wherever they lie and whether or not they have been
 * installed there: values of two copies of `effect`, for instance redacted ones, cannot be read by each other.
 */
import { registerHooks } from "node:module"

/** Beside this file as source, and as JavaScript after the build. */
const own = new URL(`../../domain/plugin/Plugin${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`, import.meta.url)
  .href

const isEffect = (specifier: string): boolean => specifier === "effect" || specifier.startsWith("effect/")

let registered = false

/** For every import of this thread from now on. */
export const share = (): void => {
  if (registered) return
  registered = true
  registerHooks({
    resolve: (specifier, context, next) => {
      if (specifier === "yoi-workspace/plugin") return { url: own, shortCircuit: true }
      return isEffect(specifier)
        ? next(specifier, { ...context, parentURL: import.meta.url })
        : next(specifier, context)
    }
  })
}
