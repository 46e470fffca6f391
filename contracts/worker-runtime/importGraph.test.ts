/** The worker-runtime core and the embedded source load without anything that speaks HTTP or opens a socket. */
import { execFile } from "node:child_process"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"

const run = promisify(execFile)
const here = (path: string) => new URL(path, import.meta.url)

/** Every module that Node really loads for the entries. */
const graph = (...entries: ReadonlyArray<string>) =>
  Effect.promise(async (signal): Promise<ReadonlyArray<string>> => {
    const script = fileURLToPath(here("loadGraph.mjs"))
    const { stdout } = await run(process.execPath, [script, ...entries], { signal, maxBuffer: 16_777_216 })
    return JSON.parse(stdout)
  })

const forbidden = [
  /^node:(http|https|http2|net|tls|dgram)$/,
  /\/node_modules\/effect\/(dist|src)\/(http|http-api|socket|rpc|cluster)\//,
  /\/node_modules\/@effect\/platform-node(-shared)?\/.*\/(NodeHttp|NodeSocket|NodeWS|Undici)/,
  /\/node_modules\/(undici|ws)\//,
  /\/src\/(app|adapters\/(egress|remote-http))\//
]

/** Plain data, which `effect/Schema` itself imports for its schemas of them. Nothing in them does any I/O. */
const ofSchema = ["Cookies.js", "Headers.js", "UrlParams.js", "internal/urlParams.js"].map(
  (file) => new URL(`http/${file}`, import.meta.resolve("effect/Schema")).href
)

const refused = (modules: ReadonlyArray<string>) =>
  modules.filter((url) => forbidden.some((it) => it.test(url)) && !ofSchema.includes(url))

/** Generous: a process is started and loads most of effect. */
const timeout = 60_000

const entries = {
  engine: here("../../src/domain/engine/Engine.ts").href,
  embedded: here("../../src/adapters/embedded/EmbeddedSource.ts").href
}

describe("import graph", () => {
  it.effect(
    "the engine and the embedded source reach no HTTP and no socket",
    () =>
      Effect.gen(function* () {
        const modules = yield* graph(entries.engine, entries.embedded)
        assert.include(modules, here("../../src/domain/WatchStream.ts").href)
        assert.include(modules, import.meta.resolve("effect/Effect"))
        assert.deepStrictEqual(refused(modules), [])
      }),
    timeout
  )

  it.effect(
    "what is let through is exactly what effect/Schema needs",
    () =>
      Effect.gen(function* () {
        const modules = yield* graph(import.meta.resolve("effect/Schema"))
        const http = modules.filter((url) => /\/effect\/dist\/http\//.test(url))
        assert.deepStrictEqual(http.toSorted(), ofSchema.toSorted())
      }),
    timeout
  )

  it.effect(
    "an import that is planted behind the engine is seen, whichever it is",
    () =>
      Effect.gen(function* () {
        const packages = ["http/HttpClient", "http-api/HttpApi", "socket/Socket", "rpc/RpcClient"].map(
          (it) => `effect/${it}`
        )
        const plants = [...packages, "@effect/platform-node/NodeHttpServer", "undici", "ws"]
          .map((specifier) => import.meta.resolve(specifier))
          .concat("node:http", "node:https", "node:net", "node:tls")
        const source = [entries.engine, ...plants].map((url) => `import ${JSON.stringify(url)}`).join("\n")
        const seen = refused(yield* graph(`data:text/javascript,${encodeURIComponent(source)}`))
        for (const plant of plants) assert.include(seen, plant)
      }),
    timeout
  )
})
