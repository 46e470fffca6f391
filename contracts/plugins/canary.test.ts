/**
 * A plugin that says what it should not, in every way it has, inside a backend as anybody starts it: nothing of it reaches
 * an answer, an event stream or the log.
 */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, assert, beforeAll, it } from "vitest"
import { type Backend, makeFolder, removeFolder, start } from "../backend/BackendProcess.ts"
import { imports, install, pathOf } from "./PluginFolder.ts"

const secret = "sk-live-canary-7b1e90"
const words = `canary-words http://10.9.8.7/x /home/canary ${secret}`

/** The secret is the one that the host hands out. */
const source = `${imports}
const words = ${JSON.stringify(words)}
const boom = (error) => { throw error }
export default [
  definePromiseSource({
    kind: "leaky",
    apiVersion,
    label: "Leaky",
    description: "Tells everything.",
    endpoint: "none",
    options: { type: "object", properties: { how: { type: "string" }, key_ref: { type: "string" } }, additionalProperties: false },
    secretFields: ["token_ref", "key_ref"],
    connect: async ({ options: { how }, token }) => {
      const held = Redacted.value(await token())
      const leak = () => {
        switch (how) {
          case "thrown": throw new Error(words + held)
          case "named": throw Object.assign(new Error(held), { name: held, code: held })
          case "problem": throw problem("worker_busy", words + held, { reason: held, worker_id: held, errors: [{ pointer: "/" + held, code: held }] })
          case "unknown": throw { _tag: held, detail: words, context: {} }
          case "later": return Promise.reject(held)
        }
      }
      if (how === "connect") throw new Error(held)
      return {
        describe: async () => (how === "shape" ? { status: held, runtime_id: 3 } : {}),
        list: async () => (how === "shape" ? { items: [{ [held]: held, worker_id: held }], next_cursor: 1 } : leak()),
        get: async () => leak(),
        create: async () => leak(),
        input: async () => leak(),
        stop: async () => leak(),
        cancel: async () => leak(),
        transcript: async () => leak(),
        events: async function* () { leak(); yield { kind: held } },
        bundles: async () => leak(),
        close: () => boom(new Error(held))
      }
    }
  }),
  defineSecretScheme({
    scheme: "leaky",
    apiVersion,
    description: "Tells everything.",
    secretFields: [],
    open: () => Effect.succeed({ resolve: (rest) => Effect.fail(new Error(words + rest)) })
  })
]
`

const ways = ["thrown", "named", "problem", "unknown", "later", "connect", "shape"] as const

let folder: string
let backend: Backend
const said: Array<string> = []

beforeAll(async () => {
  folder = makeFolder()
  install(folder, "leaky", source)
  const connections = ways.map(
    (how) =>
      `[[runtimes.source]]\nid = "${how}"\nkind = "leaky"\ntoken_ref = "env:LEAKY"\noptions = { how = "${how}" }\n`
  )
  const scheme = `[[runtimes.source]]\nid = "scheme"\nkind = "leaky"\ntoken_ref = "leaky:canary-rest"\n`
  backend = await start({
    folder,
    config: [`[[plugins]]\npath = "${pathOf("leaky")}"\n`, ...connections, scheme].join("\n"),
    env: { LEAKY: secret, NODE_ENV: "production" }
  })
}, 120_000)

afterAll(async () => {
  await backend.stop()
  removeFolder(folder)
})

const ask = async (method: string, path: string, body?: unknown): Promise<number> => {
  const response = await fetch(backend.url + path, {
    method,
    signal: AbortSignal.timeout(20_000),
    ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { "content-type": "application/json" } })
  })
  said.push(`${JSON.stringify([...response.headers])}\n${await response.text()}`)
  return response.status
}

it.each([...ways, "scheme"])(
  "nothing that a plugin says is in an answer: %s",
  async (id) => {
    const worker = `/api/runtimes/${id}/workers/w-1`
    const statuses: Array<number> = []
    for (const [method, path, body] of [
      ["GET", `/api/runtimes/${id}`],
      ["GET", `/api/runtimes/${id}/workers`],
      ["POST", `/api/runtimes/${id}/workers`, {}],
      ["GET", worker],
      ["POST", `${worker}/input`, { content: "x" }],
      ["POST", `${worker}/stop`],
      ["POST", `${worker}/cancel`],
      ["GET", `${worker}/transcript`],
      ["GET", `${worker}/events`],
      ["GET", "/api/workers"],
      ["GET", "/api/runtimes"],
      ["GET", "/api/settings/runtime-connections"],
      ["POST", `/api/settings/runtime-connections/${id}/test`]
    ] as const) {
      statuses.push(await ask(method, path, body))
    }
    assert.isAtLeast(statuses.filter((status) => status >= 400).length, 6)
    assert.isBelow(Math.max(...statuses), 505)
  },
  120_000
)

it("nor in the log, and the log says that the plugin failed", async () => {
  await backend.stop()
  const log = backend.written.stderr
  assert.include(log, "A plugin failed")
  assert.include(log, "A plugin's secret scheme failed")
  assert.include(log, "A plugin's answer has the wrong shape")
  for (const text of [log, ...said]) assert.notMatch(text, /canary-words|10\.9\.8\.7|\/home\/canary|sk-live|7b1e90/)
  // The search itself works: the file of the workspace is where the names are.
  assert.include(readFileSync(join(folder, ".yoi", pathOf("leaky")), "utf8"), "canary-words")
})

it("an exception that nobody catches ends the process, and the log does not repeat it", async () => {
  const other = makeFolder()
  try {
    install(
      other,
      "late",
      `setTimeout(() => { throw new TypeError(${JSON.stringify(words)}) }, 1_500)\nexport default []\n`
    )
    const doomed = await start({ folder: other, config: `[[plugins]]\npath = "${pathOf("late")}"\n` })
    const { code, stderr } = await doomed.ended
    assert.strictEqual(code, 1)
    assert.match(stderr, /nobody caught.*"TypeError".*"index.mjs:1:\d+"/)
    assert.notMatch(stderr, /canary/)
  } finally {
    removeFolder(other)
  }
}, 60_000)
