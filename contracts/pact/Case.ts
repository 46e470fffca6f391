/** One interaction of a consumer pact: what the provider is in, what is asked, what is answered, and who asks. */
import { MatchersV3, Pact, SpecificationVersion } from "@pact-foundation/pact"
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

export interface Exchange {
  readonly given: string
  readonly name: string
  readonly method: string
  readonly path: unknown
  readonly query?: Readonly<Record<string, unknown>>
  readonly headers?: Readonly<Record<string, unknown>>
  readonly body?: unknown
  readonly status: number
  readonly answerHeaders?: Readonly<Record<string, unknown>>
  readonly answer?: unknown
  /** Of an answer that is no JSON. */
  readonly text?: { readonly type: string; readonly body: string; readonly regex: string }
}

export interface Case {
  readonly name: string
  /** Lets the real client do it and records what it did under `dir`. */
  readonly run: (dir: string) => Promise<void>
}

export interface Between {
  readonly consumer: string
  readonly provider: string
}

const pactOf = (between: Between, dir: string) =>
  new Pact({ ...between, dir, spec: SpecificationVersion.SPECIFICATION_VERSION_V4, logLevel: "error" })

/** @param use the real client, which has to ask for all of it and nothing else */
export const httpCase = (
  between: Between,
  exchanges: ReadonlyArray<Exchange>,
  use: (url: string) => Promise<void>
): Case => ({
  name: exchanges.at(-1)?.name ?? "",
  run: async (dir) => {
    const pact = pactOf(between, dir)
    let last: { executeTest: (test: (server: { url: string }) => Promise<void>) => Promise<unknown> } | undefined
    for (const it of exchanges) {
      last = pact
        .addInteraction()
        .given(it.given)
        .uponReceiving(it.name)
        .withRequest(it.method, it.path as string, (request) => {
          if (it.query !== undefined) request.query(it.query as Record<string, string>)
          if (it.headers !== undefined) request.headers(it.headers as Record<string, string>)
          if (it.body !== undefined) request.jsonBody(it.body)
        })
        .willRespondWith(it.status, (response) => {
          if (it.answerHeaders !== undefined) response.headers(it.answerHeaders as Record<string, string>)
          if (it.answer !== undefined) response.jsonBody(it.answer)
          if (it.text !== undefined)
            response
              .body(it.text.type, Buffer.from(it.text.body))
              .matchingRules({ body: [{ path: "$", rules: [MatchersV3.regex(it.text.regex, it.text.body)] }] })
        })
    }
    await last?.executeTest(({ url }) => use(url))
  }
})

/** A frame of an event stream, read by the real decoder. */
export const frameCase = (
  between: Between,
  frame: { readonly given: string; readonly name: string; readonly content: unknown },
  read: (text: string) => void | Promise<void>
): Case => ({
  name: frame.name,
  run: async (dir) => {
    await pactOf(between, dir)
      .addAsynchronousInteraction()
      .given(frame.given)
      .expectsToReceive(frame.name, (message) => {
        message.withJSONContent(frame.content)
      })
      .executeTest(async (message) => {
        const { content } = message.contents
        await read(Buffer.isBuffer(content) ? content.toString("utf8") : JSON.stringify(content))
      })
  }
})

export const committed = fileURLToPath(new URL("../pacts/", import.meta.url))

/** Runs the cases one after the other into a folder of their own and hands over the files, by name. */
export const record = async <A>(use: (dir: string) => Promise<A>): Promise<A> => {
  const dir = mkdtempSync(join(tmpdir(), "pacts-"))
  try {
    mkdirSync(dir, { recursive: true })
    return await use(dir)
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

export const filesIn = (dir: string): Readonly<Record<string, string>> =>
  Object.fromEntries(
    readdirSync(dir)
      .filter((name) => name.endsWith(".json"))
      .toSorted()
      .map((name) => [name, readFileSync(join(dir, name), "utf8")])
  )
