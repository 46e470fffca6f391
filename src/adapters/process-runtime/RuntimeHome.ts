/** Where the backend keeps runtimes that it runs itself, and what it starts for them. The program's own to say. */
import { Context } from "effect"

export interface Home {
  /** Folder of all of them; each has one of its own in it, by the id of its connection. */
  readonly folder: string
  /** Folder in which `profiles` names a file. */
  readonly profiles: string
  /** The module that is started with `runtime serve`. */
  readonly program: string
}

/** Undefined in a program that has no place for runtimes. */
export const RuntimeHome = Context.Reference<Home | undefined>("yoi-workspace/adapters/process-runtime/RuntimeHome", {
  defaultValue: () => undefined
})
