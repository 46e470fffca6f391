/** Problem codes in the language of the page. A code that the page does not know keeps the words that the backend sent. */
import { type Code, describeCode, type PageCode, type Problem } from "#lib/api/problem.ts"

export interface CodeText {
  readonly title: string
  readonly fix: string
}
export type CodeTexts = Readonly<Partial<Record<Code | PageCode, CodeText>>>

const own = (texts: CodeTexts | undefined, code: string): CodeText | undefined =>
  texts !== undefined && Object.hasOwn(texts, code) ? texts[code as Code] : undefined

/** `undefined` texts means English: the words of the answer, or the catalogue's. */
export const codeText = (code: string, texts: CodeTexts | undefined): CodeText => {
  return own(texts, code) ?? describeCode(code)
}

export const problemText = (problem: Problem, texts: CodeTexts | undefined): CodeText => {
  return own(texts, problem.code) ?? { title: problem.title, fix: problem.fix ?? "" }
}
