/** Codes in the language of the page. A code that the page does not know keeps the words that the backend sent. */
import type { Diagnostic, TestStep } from "#lib/api/wire.ts"
import { type Code, describeCode, type PageCode, type Problem } from "#lib/api/problem.ts"
import type { StepTexts } from "./steps.ja.ts"

export interface CodeText {
  readonly title: string
  readonly fix: string
}
export type CodeTexts = Readonly<Partial<Record<Code | PageCode, CodeText>>>

const own = (texts: StepTexts | CodeTexts | undefined, code: string): CodeText | undefined =>
  texts !== undefined && Object.hasOwn(texts, code) ? (texts as StepTexts)[code] : undefined

/** `undefined` texts means English: the words of the answer, or the catalogue's. */
export const codeText = (code: string, texts: CodeTexts | undefined): CodeText => {
  return own(texts, code) ?? describeCode(code)
}

export const problemText = (problem: Problem, texts: CodeTexts | undefined): CodeText => {
  return own(texts, problem.code) ?? { title: problem.title, fix: problem.fix ?? "" }
}

/** A diagnostic is one sentence; the backend's own knows most, but it is English. */
export const diagnosticText = ({ code, message }: Diagnostic, texts: CodeTexts | undefined): string =>
  own(texts, code)?.title ?? message

/** What a step of a connection test found out, and what can be done. */
export const stepText = (
  { code, fix, step, summary }: TestStep,
  steps: StepTexts | undefined,
  texts: CodeTexts | undefined
): CodeText => {
  const found = own(steps, code === "ok" ? `ok.${step}` : code)
  // `runtime_unreachable.refused` is a case of `runtime_unreachable`.
  const base = own(texts, code.split(".")[0] ?? code)
  return {
    title: found?.title ?? base?.title ?? summary,
    fix: found === undefined ? (base?.fix ?? fix ?? "") : found.fix || (base?.fix ?? "")
  }
}
