/** The break gate names what breaks an older caller or reader, and nothing else. */
import { assert, describe, it } from "@effect/vitest"
import { breaks } from "./Breaks.ts"
import { generate, read, releasedPathOf, type Name } from "./documents.ts"
import type { Json } from "./Facts.ts"

type Tree = { [member: string]: Tree }

/** The released document after somebody has changed it. */
const after = (name: Name, change: (document: Tree) => void): ReadonlyArray<string> => {
  const before = read(releasedPathOf(name))
  const changed = structuredClone(before) as Tree
  change(changed)
  return breaks(before, changed as Json)
}

const workerOf = (document: Tree): Tree => document["components"]!["schemas"]!["Worker"]!
const frame = (document: Tree, index: number): Tree =>
  (document["$defs"]!["RuntimeFrame"]!["anyOf"] as unknown as Array<Tree>)[index]!
const list = (tree: Tree | undefined) => tree as unknown as Array<string>

const oneCause = (found: ReadonlyArray<string>, cause: RegExp) => {
  assert.isAbove(found.length, 0, "nothing was found")
  for (const line of found) {
    assert.match(line, cause)
    assert.notInclude(line, "\n")
  }
}

describe("a member of an answer", () => {
  it("that is removed breaks readers", () => {
    oneCause(
      after(
        "runtime-api.openapi.json",
        (it) => delete workerOf(it)["properties"]!["execution"]!["properties"]!["run_state"]
      ),
      /worker[s[\]]*\.execution\.run_state: was removed$/
    )
  })

  it("that is retyped breaks readers", () => {
    oneCause(
      after("runtime-api.openapi.json", (it) => {
        workerOf(it)["properties"]!["last_event_id"] = { type: "string" } as unknown as Tree
      }),
      /last_event_id: was integer and is string$/
    )
  })

  it("that gets another word breaks readers that know the words", () => {
    oneCause(
      after(
        "runtime-api.openapi.json",
        (it) => void list(workerOf(it)["properties"]!["status"]!["enum"]).push("paused")
      ),
      /\.status: has a new value "paused"/
    )
  })

  it("that may be absent breaks readers", () => {
    oneCause(
      after("runtime-api.openapi.json", (it) => void list(workerOf(it)["required"]).pop()),
      /last_event_id: may be absent now$/
    )
  })

  it("that is new breaks nobody", () => {
    const found = after("runtime-api.openapi.json", (it) => {
      workerOf(it)["properties"]!["mood"] = { type: "string" } as unknown as Tree
    })
    assert.deepStrictEqual(found, [])
  })
})

describe("a member of a request", () => {
  const body = (document: Tree) => document["components"]!["schemas"]!["CreateWorker"]!

  it("that is removed breaks callers", () => {
    oneCause(
      after("runtime-api.openapi.json", (it) => delete body(it)["properties"]!["initial_input"]),
      /POST \/v1\/workers request application\/json \.initial_input: was removed$/
    )
  })

  it("that is new and required breaks callers", () => {
    oneCause(
      after("runtime-api.openapi.json", (it) => {
        body(it)["properties"]!["owner"] = { type: "string" } as unknown as Tree
        body(it)["required"] = ["owner"] as unknown as Tree
      }),
      /\.owner: is new and required$/
    )
  })

  it("that is a new parameter breaks callers only when it is required", () => {
    const add = (required: boolean) =>
      after("runtime-api.openapi.json", (it) => {
        const operation = it["paths"]!["/v1/workers"]!["get"]!
        list(operation["parameters"]).push({ name: "team", in: "query", required, schema: { type: "string" } } as never)
      })
    assert.deepStrictEqual(add(false), [])
    oneCause(add(true), /GET \/v1\/workers parameters \.query team: is new and required$/)
  })
})

describe("a frame", () => {
  it("whose kind is gone breaks readers", () => {
    oneCause(
      after("event-frames.schema.json", (it) => void list(it["$defs"]!["RuntimeFrame"]!["anyOf"]).splice(2, 1)),
      /^RuntimeFrame (\.kind|\[kind=bookmark\]): (no longer has the value|was removed)/
    )
  })

  it("that loses or retypes a member breaks readers", () => {
    oneCause(
      after("event-frames.schema.json", (it) => delete frame(it, 0)["properties"]!["epoch"]),
      /^RuntimeFrame \[kind=hello\]\.epoch: was removed$/
    )
    oneCause(
      after("event-frames.schema.json", (it) => {
        frame(it, 1)["properties"]!["envelope"]!["properties"]!["cursor"] = { type: "integer" } as unknown as Tree
      }),
      /^RuntimeFrame \[kind=event\]\.envelope\.cursor: was string and is integer$/
    )
  })

  it("whose event is gone is named by the event", () => {
    oneCause(
      after("event-frames.schema.json", (it) => {
        const payload = frame(it, 1)["properties"]!["envelope"]!["properties"]!["payload"]!
        const events = payload["anyOf"] as unknown as Array<Tree>
        payload["anyOf"] = events.filter((event) => !JSON.stringify(event).includes('"run_end"')) as unknown as Tree
      }),
      /event=run_end\]: was removed$|\.event: no longer has the value "run_end"$/
    )
  })
})

it("a route, a status and a media type that are gone are named", () => {
  oneCause(
    after("browser-api.openapi.json", (it) => delete it["paths"]!["/api/launch-options"]),
    /^GET \/api\/launch-options: was removed$/
  )
  oneCause(
    after("runtime-api.openapi.json", (it) => delete it["paths"]!["/v1/runtime"]!["get"]!["responses"]!["401"]),
    /^GET \/v1\/runtime 401: was removed$/
  )
})

it("codes of errors may become more and not fewer", () => {
  const codes = (it: Tree) => {
    const body = it["paths"]!["/v1/workers/{worker_id}"]!["get"]!["responses"]!["404"]!["content"]!["application/json"]!
    const code = body["schema"]!["properties"]!["error"]!["properties"]!["code"]! as unknown as Tree
    return list(code["enum"] ?? (code["anyOf"] as unknown as Array<Tree>)[0]!["enum"])
  }
  assert.deepStrictEqual(
    after("runtime-api.openapi.json", (it) => void codes(it).push("worker_archived")),
    []
  )
  oneCause(
    after("runtime-api.openapi.json", (it) => void codes(it).splice(0, 1, "gone")),
    /\.error\.code: no longer has the value "worker_not_found"$/
  )
})

it("sees nothing in two copies of one document", () => {
  const document = generate("browser-api.openapi.json")
  assert.deepStrictEqual(breaks(document, structuredClone(document)), [])
})
