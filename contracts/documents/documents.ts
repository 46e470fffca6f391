/** The documents of both APIs, made from the schemas that the servers and clients run with. */
import { Schema } from "effect"
import { OpenApi } from "effect/http-api"
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { BrowserApi } from "../../src/domain/api/BrowserApi.ts"
import { RuntimeApi } from "../../src/domain/api/RuntimeApi.ts"
import { BackendFrame, RuntimeFrame } from "./EventFrames.ts"
import type { Json } from "./Facts.ts"

const frames = () => {
  const runtime = Schema.toJsonSchemaDocument(RuntimeFrame)
  const backend = Schema.toJsonSchemaDocument(BackendFrame)
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "Frames of the event streams",
    description:
      "Text frames of /v1/workers/{worker_id}/events/ws (RuntimeFrame) and of the same path under /api/runtimes/{runtime_id} (BackendFrame). Events with other names may follow; readers ignore them and members that they do not know.",
    oneOf: [{ $ref: "#/$defs/RuntimeFrame" }, { $ref: "#/$defs/BackendFrame" }],
    $defs: { ...runtime.definitions, ...backend.definitions }
  }
}

export const names = ["runtime-api.openapi.json", "browser-api.openapi.json", "event-frames.schema.json"] as const
export type Name = (typeof names)[number]

const plain = (value: unknown): Json => JSON.parse(JSON.stringify(value)) as Json

export const generate = (name: Name): Json => {
  switch (name) {
    case "runtime-api.openapi.json":
      return plain(OpenApi.fromApi(RuntimeApi))
    case "browser-api.openapi.json":
      return plain(OpenApi.fromApi(BrowserApi))
    case "event-frames.schema.json":
      return plain(frames())
  }
}

/** As it is committed. */
export const textOf = (document: Json): string => `${JSON.stringify(document, undefined, 1)}\n`

export const pathOf = (name: Name): string => fileURLToPath(new URL(name, import.meta.url))

/** What the last release promised; replaced with the next release and at no other time. */
export const releasedPathOf = (name: Name): string => fileURLToPath(new URL(`released/${name}`, import.meta.url))

export const read = (path: string): Json => JSON.parse(readFileSync(path, "utf8")) as Json
