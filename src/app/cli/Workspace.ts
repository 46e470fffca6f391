/** The workspace folder of a command: its config and where its data lives. */
import { resolve } from "node:path"
import { Effect, type Redacted } from "effect"

export interface Opened {
  readonly config: { readonly listen: string; readonly allowedHosts: ReadonlyArray<string> }
  readonly dataRoot: string
  readonly accessToken: Redacted.Redacted | undefined
  /** Lines for a person about what is wrong but does not stop the start. */
  readonly diagnostics: ReadonlyArray<string>
}

export const defaultListen = "127.0.0.1:8787"

export const open = (folder: string): Effect.Effect<Opened> =>
  Effect.sync(() => ({
    config: { listen: defaultListen, allowedHosts: [] },
    dataRoot: resolve(folder, ".yoi/data"),
    accessToken: undefined,
    diagnostics: []
  }))
