/** With it, plugins may ask to be isolated. What runs them is loaded with the first that does. */
import { Effect, Layer } from "effect"
import { IsolatedLoader, type LoadIsolated } from "./Isolation.ts"

const isolated = Effect.promise(() => import("./isolated.ts"))

const load: LoadIsolated = (plugin) =>
  Effect.flatMap(isolated, ({ open }) => Effect.map(open(plugin), ({ definitions }) => definitions))

export const layer = Layer.succeed(IsolatedLoader, load)
