/** What stands beside the transcript as plain text, for as long as its own view is not here. */
import type { Aside } from "./asideList.ts"
import { inPlainSight } from "./inPlainSight.ts"

const linesOf = (aside: Aside): ReadonlyArray<string> => {
  switch (aside.kind) {
    case "tool":
      return [aside.name || aside.id, aside.summary]
    case "thought":
      return [aside.text]
    case "error":
      return [aside.message, aside.code]
    case "run_end":
      return [aside.result]
    case "plan":
      return aside.entries.map(({ content, status }) => `${status}: ${content}`)
    case "permission":
      return [aside.request.title, aside.request.options.map(({ name }) => name).join(", ")]
    case "unstarted":
      return [aside.content, aside.message]
  }
}

export const asideText = (aside: Aside): string =>
  linesOf(aside)
    .filter((line) => line !== "")
    .map(inPlainSight)
    .join("\n")
