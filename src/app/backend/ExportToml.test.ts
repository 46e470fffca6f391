import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import * as TomlDocument from "../../adapters/config/TomlDocument.ts"
import type { ConnectionEntry } from "../../domain/Connection.ts"
import { RuntimeId } from "../../domain/Identifiers.ts"
import { toToml } from "./ExportToml.ts"

const remote = (id: string): ConnectionEntry => ({
  id: RuntimeId.make(id),
  kind: "remote_http",
  endpoint: "http://127.0.0.1:1"
})
const mock = (id: string): ConnectionEntry => ({
  id: RuntimeId.make(id),
  kind: "mock",
  options: { deep: { x: ["a"] } }
})

describe("The export of connections", () => {
  it("is what adding one after the other to a file would give, each array together", () => {
    const entries = [remote("a"), mock("b"), remote("c"), mock("d")]
    const added = entries.reduce(
      (document, { kind, ...entry }) =>
        Result.getOrThrow(
          TomlDocument.add(
            document,
            ["runtimes", kind === "remote_http" ? "remote" : "source"],
            (kind === "remote_http" ? entry : { kind, ...entry }) as never
          )
        ),
      Result.getOrThrow(TomlDocument.parse(""))
    )
    assert.strictEqual(toToml(entries), added.text)
    assert.strictEqual(toToml([]), "")
  })

  it("leaves out an entry that a file cannot hold, and keeps the others", () => {
    const text = toToml([remote("a"), { ...remote("b"), display_name: "\ud800" }, remote("c")])
    assert.deepStrictEqual(
      [...text.matchAll(/^id = "(.)"$/gm)].map(([, id]) => id),
      ["a", "c"]
    )
  })
})
