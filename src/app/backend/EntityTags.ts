/** `If-Match` (RFC 9110, 13.1.1) against the revision of the config file. */
import { Effect } from "effect"
import type { WorkspaceConfig } from "../../domain/ConfigStore.ts"
import * as Problem from "../../domain/Problem.ts"

const tag = String.raw`(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"`
const one = new RegExp(tag, "g")
const list = new RegExp(String.raw`^${tag}(?:\s*,\s*${tag})*$`)

export const etagOf = ({ revision }: WorkspaceConfig): string => `"${revision}"`

/**
 * The revision that a write must find, or nothing when any will do: no header, or `*`. Tags are compared strongly, so a
 * weak one (`W/"…"`) matches nothing. Fails with `config_changed` when no tag is that of `config`.
 */
export const expected = Effect.fnUntraced(function* (header: string | undefined, config: WorkspaceConfig) {
  const text = header?.trim()
  if (text === undefined || text === "*") return undefined
  if (!list.test(text)) {
    return yield* Problem.make("invalid_request", "The header If-Match is not a list of entity tags.", {
      errors: [{ pointer: "/if-match", code: "invalid" }]
    })
  }
  if (!text.match(one)!.includes(etagOf(config))) return yield* Problem.make("config_changed")
  return config.revision
})
