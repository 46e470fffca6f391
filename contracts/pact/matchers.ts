/** What a pact says of a value: its type or its words, and an example. Nothing here pins what happened to be the case. */
import { MatchersV3 } from "@pact-foundation/pact"

export const text = (example: string) => MatchersV3.like(example)
export const int = (example: number) => MatchersV3.integer(example)
export const bool = (example: boolean) => MatchersV3.boolean(example)
/** @param pattern anchored at both ends: verifiers differ in whether a part is enough */
export const matching = (pattern: string, example: string) => MatchersV3.regex(pattern, example)
export const some = <T>(item: T) => MatchersV3.atLeastOneLike(item)

/** A list with any number of texts; these are examples. */
export const texts = (...examples: ReadonlyArray<string>) =>
  ({ "pact:matcher:type": "type", min: 1, value: examples }) as unknown as MatchersV3.Matcher<ReadonlyArray<string>>

const escaped = (word: string) => word.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&")

/** The first word is the example. */
export const words = (...all: ReadonlyArray<string>) => matching(`^(${all.map(escaped).join("|")})$`, all[0] ?? "")

/** A map whose keys are open and whose values are objects. */
export const objects = (example: Record<string, object>) => MatchersV3.eachValueMatches(example, MatchersV3.like({}))

export const time = matching("^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}.*$", "2026-01-02T03:04:05.678Z")

/**
 * A path with names that only the provider knows: `${worker_id}` comes from the provider state.
 *
 * @param expression the path with its names
 * @param values the names as the consumer's test uses them
 */
export const pathOf = (expression: string, values: Readonly<Record<string, string>>) => {
  const parts = expression.split(/\$\{(\w+)\}/)
  const fill = (how: (name: string) => string, plain: (part: string) => string) =>
    parts.map((part, index) => (index % 2 === 1 ? how(part) : plain(part))).join("")
  return {
    "pact:matcher:type": "regex",
    "pact:generator:type": "ProviderState",
    regex: `^${fill(() => "[^/]+", escaped)}$`,
    expression,
    value: fill(
      (name) => values[name] ?? "",
      (part) => part
    )
  } as unknown as MatchersV3.Matcher<string>
}

/** A key that is made anew whenever the contract is verified, so that a second run is not the first one's echo. */
export const freshKey = (example: string) =>
  ({
    "pact:matcher:type": "regex",
    "pact:generator:type": "Uuid",
    regex: "^[A-Za-z0-9-]{16,64}$",
    value: example
  }) as unknown as MatchersV3.Matcher<string>

/** A header whose value only the provider's state knows. */
export const headerOf = (name: string, regex: string, example: string) =>
  ({
    "pact:matcher:type": "regex",
    "pact:generator:type": "ProviderState",
    regex,
    expression: `\${${name}}`,
    value: example
  }) as unknown as MatchersV3.Matcher<string>

/** A member of a body whose value only the provider's state knows. */
export const fromState = (name: string, example: string) =>
  ({
    "pact:matcher:type": "type",
    "pact:generator:type": "ProviderState",
    expression: `\${${name}}`,
    value: example
  }) as unknown as MatchersV3.Matcher<string>

export const problemJson = MatchersV3.regex(String.raw`^application/problem\+json.*$`, "application/problem+json")
