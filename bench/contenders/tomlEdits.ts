/**
 * One key changed in the config file's text, without a disk, beside parsers that read the same text. A turn is
 * `{ way, connections, milliseconds }` and answers with microseconds for each.
 *
 * - `edit`: as the store makes it, from the document that its last read or write has left;
 * - `fresh`: of a text that nobody has read yet;
 * - `parse`: the `toml` package alone.
 */
import { Result } from "effect"
import { parse } from "toml"
import * as TomlDocument from "../../src/adapters/config/TomlDocument.ts"
import { configTemplate } from "../../src/adapters/config/configTemplate.ts"

interface Turn {
  readonly way: "edit" | "fresh" | "parse"
  readonly connections: number
  readonly milliseconds: number
}

const path = ["runtimes", "remote"]

/** The product's own template, with comments, and with connections as people write them. */
const textOf = (connections: number): string =>
  [
    configTemplate,
    `[server]\nlisten = "127.0.0.1:8787"\n\n[limits]\nmax_records = 200\n`,
    ...Array.from(
      { length: connections },
      (_, at) => `# Number ${at}, beside the others.
[[runtimes.remote]]
id = "r-${at}"
endpoint = "http://127.0.0.1:${10_000 + at}" # behind the tunnel
display_name = "Runtime ${at}"
token_ref = "env:TOKEN_${at}"
`
    )
  ].join("\n")

const documents = new Map<number, TomlDocument.TomlDocument>()
const documentOf = (connections: number): TomlDocument.TomlDocument => {
  const known = documents.get(connections) ?? Result.getOrThrow(TomlDocument.parse(textOf(connections)))
  documents.set(connections, known)
  return known
}

let edits = 0
const change = (document: TomlDocument.TomlDocument): TomlDocument.TomlDocument =>
  Result.getOrThrow(TomlDocument.update(document, path, 5, { display_name: `Renamed ${edits++}` }))

const ways: Readonly<Record<Turn["way"], (connections: number) => void>> = {
  edit: (connections) => documents.set(connections, change(documentOf(connections))),
  fresh: (connections) => void change(Result.getOrThrow(TomlDocument.parse(documentOf(connections).text))),
  parse: (connections) => void parse(documentOf(connections).text)
}

const turn = ({ connections, milliseconds, way }: Turn): number => {
  let done = 0
  const started = performance.now()
  while (performance.now() < started + milliseconds) {
    ways[way](connections)
    done += 1
  }
  return ((performance.now() - started) * 1_000) / done
}

process.on("message", (message: { turn?: Turn }) => {
  if (message.turn !== undefined) process.send?.({ answer: turn(message.turn) })
})
process.once("SIGTERM", () => process.exit(0))
// The channel of the probe keeps nothing alive.
setInterval(() => undefined, 60_000)
console.log("http://127.0.0.1:1")
