/** Pact's own verifier over one pact file, with a typed catalogue of states behind it. */
import { Verifier } from "@pact-foundation/pact"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

export interface Interaction {
  readonly type: string
  readonly description: string
  readonly providerStates?: ReadonlyArray<{ readonly name: string }>
}
export interface PactJson {
  readonly provider: { readonly name: string }
  readonly interactions: ReadonlyArray<Interaction>
}

export const readPact = (path: string): PactJson => JSON.parse(readFileSync(path, "utf8")) as PactJson

export const stateOf = (it: Interaction): string => it.providerStates?.[0]?.name ?? ""

export const isHttp = (it: Interaction): boolean => it.type === "Synchronous/HTTP"

export interface Verification {
  readonly pact: PactJson
  readonly url: string
  readonly handlers: Record<string, () => Promise<Record<string, string>>>
}

/** The verifier's own summary, without what went well and without colours. */
const summaryOf = (said: string): string => {
  try {
    const { output } = JSON.parse(said) as { readonly output: ReadonlyArray<string> }
    // eslint-disable-next-line no-control-regex -- escape sequences of a terminal
    const text = output.join("\n").replaceAll(/\u001b\[[0-9;]*m/g, "")
    return text.slice(Math.max(0, text.indexOf("Failures:")))
  } catch {
    return said
  }
}

/** Rejects with what differs, with an exception of a handler, and when there is nothing to verify. */
export const verifyHttp = async ({ handlers, pact, url }: Verification): Promise<void> => {
  const interactions = pact.interactions.filter(isHttp)
  if (interactions.length === 0) throw new Error("The pact has no interactions, so nothing was verified.")
  const dir = mkdtempSync(join(tmpdir(), "pact-verify-"))
  const file = join(dir, "pact.json")
  writeFileSync(file, JSON.stringify({ ...pact, interactions }))
  const thrown: Array<string> = []
  const stateHandlers = Object.fromEntries(
    Object.entries(handlers).map(([name, handler]) => [
      name,
      {
        setup: () =>
          handler().catch((cause: unknown) => {
            thrown.push(
              `The handler of ${JSON.stringify(name)} failed: ${cause instanceof Error ? cause.message : String(cause)}`
            )
            throw cause
          })
      }
    ])
  )
  try {
    const output = await new Verifier({
      provider: pact.provider.name,
      providerBaseUrl: url,
      pactUrls: [file],
      stateHandlers: stateHandlers as never,
      logLevel: "error",
      timeout: 30_000
    }).verifyProvider()
    const { result } = JSON.parse(output) as { readonly result: boolean }
    if (!result) throw new Error(output)
    // Pact only notes a handler that failed and goes on.
    if (thrown.length > 0) throw new Error("A state was not reached.")
  } catch (cause) {
    const said = cause instanceof Error ? cause.message : String(cause)
    // oxlint-disable-next-line preserve-caught-error -- the cause is the same text again, as a page of JSON
    throw new Error([...thrown, summaryOf(said)].join("\n"))
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}
