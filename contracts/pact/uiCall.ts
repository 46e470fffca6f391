/** How the web page's own client asks, and what is recorded of it. */
import assert from "node:assert/strict"
import type { Outcome } from "../../svelte-ui/src/lib/api/problem.ts"
import { type Between, type Case, type Exchange, httpCase } from "./Case.ts"
import { freshKey, headerOf, pathOf, problemJson } from "./matchers.ts"
import * as shape from "./uiShapes.ts"

export const between: Between = { consumer: "svelte-ui", provider: "workspace-backend" }

/** Where a backend asks for a login, this is the token that its tests take. */
export const accessToken = "contract-access-token-0123456789"

export const key = "0191d3a0-0000-4000-8000-000000000001"
export const tag = '"config-1"'
const { runtimeId, workerId } = shape
export const noWorker = "worker-that-is-not-there"
export const workersPath = `/api/runtimes/${runtimeId}/workers`

/** The page asks its own origin; here that is the mock server. */
export const from = async <A>(origin: string, call: () => Promise<A>): Promise<A> => {
  const { fetch } = globalThis
  globalThis.fetch = (input, init) => fetch(new URL(String(input), origin), init)
  try {
    return await call()
  } finally {
    globalThis.fetch = fetch
  }
}

interface Asked extends Exchange {
  readonly keyed?: boolean
  /** Whether the request names the version of the config that the page has seen. */
  readonly tagged?: boolean
}

/** The entity tag that the config has in this state. */
const currentTag = headerOf("etag", '^(W/)?".+"$', tag)

export const asked = ({ keyed, tagged, ...it }: Asked, call: () => Promise<Outcome<unknown>>, then = "ok"): Case => {
  const headers = {
    ...it.headers,
    ...(keyed === true ? { "idempotency-key": freshKey(key) } : undefined),
    ...(tagged === true ? { "if-match": currentTag } : undefined)
  }
  return httpCase(
    between,
    [{ ...it, ...(Object.keys(headers).length === 0 ? undefined : { headers }) }],
    async (url) => {
      const outcome = await from(url, call)
      assert.equal(outcome.ok ? "ok" : outcome.problem.code, then)
    }
  )
}

export const refused = (status: number, code: string) => ({
  status,
  answer: shape.problem(status, code),
  answerHeaders: { "content-type": problemJson }
})

export const ofWorker = (rest = "") => pathOf(`${workersPath}/\${worker_id}${rest}`, { worker_id: workerId })
export const ok = { status: 200 } as const
export const get = { given: "a backend", method: "GET" } as const
