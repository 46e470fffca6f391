/** Keeps a module that is being imported from ending the process: what it would have ended is its own import. */
import { AsyncLocalStorage } from "node:async_hooks"

/** Thrown in the place of an exit. */
export class Exited extends Error {
  override readonly name = "Exited"
}

/** Whether the running code belongs to an import. Signal handlers and everything else of the backend do not, and may exit. */
const importing = new AsyncLocalStorage<{ active: boolean }>()

const exit = process.exit.bind(process)

const guarded: typeof process.exit = (code) => {
  if (importing.getStore()?.active === true) throw new Exited()
  return exit(code)
}

/** Imports under the guard, until the promise settles or `release` is called. */
export const under = <A>(load: () => Promise<A>): { readonly loaded: Promise<A>; readonly release: () => void } => {
  if (process.exit !== guarded) process.exit = guarded
  const state = { active: true }
  const release = () => {
    state.active = false
  }
  return { loaded: importing.run(state, load).finally(release), release }
}
