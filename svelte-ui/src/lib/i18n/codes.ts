/** Problem codes in the language of the page. A code that the page does not know keeps the words that the backend sent. */
import { type Code, describeCode, type Problem } from "#lib/api/problem.ts"
import type { PageCode } from "#lib/api/problem.ts"

export interface CodeText {
  readonly title: string
  readonly fix: string
}
export type CodeTexts = Readonly<Record<Code | PageCode, CodeText>>

/** `undefined` texts means English: the words of the answer, or the catalogue's. */
export const codeText = (code: string, texts: CodeTexts | undefined): CodeText => {
  if (texts !== undefined && Object.hasOwn(texts, code)) return texts[code as Code]
  return describeCode(code)
}

export const problemText = (problem: Problem, texts: CodeTexts | undefined): CodeText => {
  if (texts !== undefined && Object.hasOwn(texts, problem.code)) return texts[problem.code as Code]
  return { title: problem.title, fix: problem.fix ?? "" }
}
