/** Connections as the TOML that the backend reads. References stand in it, secrets never do. */
import { Result } from "effect"
import * as TomlDocument from "../../adapters/config/TomlDocument.ts"
import { type ConnectionEntry, REMOTE_HTTP } from "../../domain/Connection.ts"

const valuesOf = ({ kind, ...entry }: ConnectionEntry): { readonly [key: string]: TomlDocument.Writable } => ({
  ...(kind === REMOTE_HTTP ? undefined : { kind }),
  ...(entry as { readonly [key: string]: TomlDocument.Writable })
})

/** An entry as a text of its own: what is verified is then as long as the entry, and not as all that came before it. */
const entryText = (array: string, entry: ConnectionEntry) =>
  TomlDocument.parse("").pipe(
    Result.flatMap((empty) => TomlDocument.add(empty, ["runtimes", array], valuesOf(entry))),
    Result.match({
      onSuccess: ({ text }) => [text],
      // What was read from a file can be written to one; an entry that cannot is left out rather than damaged.
      onFailure: () => []
    })
  )

/** Entries of one array stand together. */
export const toToml = (connections: ReadonlyArray<ConnectionEntry>): string => {
  const byArray = Map.groupBy(connections, ({ kind }) => (kind === REMOTE_HTTP ? "remote" : "source"))
  return [...byArray].flatMap(([array, entries]) => entries.flatMap((entry) => entryText(array, entry))).join("\n")
}
