/** A call's outcome as a value: nothing in this page throws for a failure that the API describes. */
import { catalogue, codes, isCode } from "../../../../src/domain/ProblemCatalogue.ts"
import type { ProblemBody } from "./wire.ts"

/** Failures that only the page can see, because no answer of the API arrived. */
const pageCatalogue = {
  backend_unreachable: {
    title: "The backend cannot be reached.",
    fix: "Check that it runs and that this device is on its network."
  },
  backend_timeout: { title: "The backend did not answer in time.", fix: "Try again." },
  backend_broke_off: { title: "The backend's answer broke off before its end.", fix: "Try again." },
  backend_protocol_error: {
    title: "Something answered that is not the backend's API.",
    fix: "Check the address of this page, or a proxy in front of it."
  }
} as const

/** Every code that this page may have to put into words. */
export const knownCodes: ReadonlyArray<string> = [...codes, ...Object.keys(pageCatalogue)]

export type PageCode = keyof typeof pageCatalogue
export type { Code } from "../../../../src/domain/ProblemCatalogue.ts"

export interface Problem extends ProblemBody {
  /** 0 when no answer arrived. */
  readonly status: number
  readonly title: string
  readonly retryable: boolean
}

export type Outcome<A> =
  | { readonly ok: true; readonly value: A; readonly etag: string | undefined }
  | { readonly ok: false; readonly problem: Problem }

export const failed = (problem: Problem): { readonly ok: false; readonly problem: Problem } => ({ ok: false, problem })

export const pageProblem = (code: PageCode): Problem => ({
  code,
  status: 0,
  title: pageCatalogue[code].title,
  fix: pageCatalogue[code].fix,
  origin: code === "backend_protocol_error" ? "gateway" : "network",
  retryable: true
})

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** Understands a problem+json body; anything else with a failing status is a protocol error. */
export const decodeProblem = (status: number, body: unknown): Problem => {
  if (!isRecord(body) || typeof body["code"] !== "string") return { ...pageProblem("backend_protocol_error"), status }
  const known = describeCode(body["code"])
  return {
    ...(body as unknown as ProblemBody),
    status,
    title: typeof body["title"] === "string" && body["title"] !== "" ? body["title"] : known.title,
    retryable: body["retryable"] === true,
    errors: Array.isArray(body["errors"]) ? body["errors"] : [],
    blockers: Array.isArray(body["blockers"]) ? body["blockers"] : []
  }
}

/** The English sentence and fix of a code; a code of a newer backend stands for itself. */
export const describeCode = (code: string): { readonly title: string; readonly fix: string } => {
  if (Object.hasOwn(pageCatalogue, code)) return pageCatalogue[code as PageCode]
  return isCode(code) ? catalogue[code] : { title: code, fix: "" }
}
