/** Connections as the TOML that the backend reads. References stand in it, secrets never do. */
import { Result } from "effect"
import * as TomlDocument from "../../adapters/config/TomlDocument.ts"
import { type ConnectionEntry, REMOTE_HTTP } from "../../domain/Connection.ts"

const valuesOf = ({ kind, ...entry }: ConnectionEntry): { readonly [key: string]: TomlDocument.Writable } => ({
  ...(kind === REMOTE_HTTP ? undefined : { kind }),
  ...(entry as { readonly [key: string]: TomlDocument.Writable })
})

export const toToml = (connections: ReadonlyArray<ConnectionEntry>): string =>
  connections.reduce((text, entry) => {
    const path = ["runtimes", entry.kind === REMOTE_HTTP ? "remote" : "source"]
    // What was read from a file can be written to one; an entry that cannot is left out rather than damaged.
    return Result.getOrElse(TomlDocument.add(text, path, valuesOf(entry)), () => text)
  }, "")
