/** Compares what a provider said with what a pact promises, member by member, and says in words what differs. */
import type { Matcher, Rules } from "./PactFile.ts"

/** Differences of one answer that are told; one wrong shape can make hundreds. */
export const maxDifferences = 20

/** Longest quotation of a provider's value, in UTF-16 units. */
const maxQuoted = 80

type Path = ReadonlyArray<string | number>

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

export const quote = (value: unknown): string => {
  const text = JSON.stringify(value) ?? "nothing"
  return text.length > maxQuoted ? `${text.slice(0, maxQuoted)}…` : text
}

export const kindOf = (value: unknown): string => {
  if (value === undefined) return "nothing"
  if (value === null) return "null"
  if (Array.isArray(value)) return "a list"
  if (typeof value === "object") return "an object"
  if (typeof value === "string") return "a text"
  return typeof value === "boolean" ? "true or false" : "a number"
}

const show = (path: Path): string =>
  path.reduce<string>((text, step) => (typeof step === "number" ? `${text}[${step}]` : `${text}.${step}`), "$")

/** `$.a[*].b`, `$['a'].b` and `$.a.*` as steps. */
const stepsOf = (rule: string): ReadonlyArray<string> =>
  Array.from(rule.matchAll(/\.([^.[\]]+)|\[(?:'([^']*)'|([^\]]*))\]/g), (step) => step[1] ?? step[2] ?? step[3] ?? "")

const covers = (steps: ReadonlyArray<string>, path: Path): boolean =>
  steps.length === path.length && steps.every((step, at) => step === "*" || step === String(path[at]))

/** The rule of a member; the rule `type` of a member holds for everything in it that has none of its own. */
const ruleFor = (rules: Rules, path: Path): ReadonlyArray<Matcher> | undefined => {
  for (let length = path.length; length >= 0; length--) {
    const at = path.slice(0, length)
    for (const [name, { matchers }] of Object.entries(rules)) {
      if (!covers(stepsOf(name), at)) continue
      if (length === path.length) return matchers
      if (matchers.every(({ match }) => match === "type")) return [{ match: "type" }]
      return undefined
    }
  }
  return undefined
}

const patternOf = (regex: string): RegExp => new RegExp(regex, "u")

/** What is wrong with one value by one matcher; undefined when nothing is. Members of it are looked at by the caller. */
const violates = (matcher: Matcher, expected: unknown, actual: unknown): string | undefined => {
  const has = `is ${quote(actual)}`
  switch (matcher.match) {
    case "type":
      if (kindOf(actual) !== kindOf(expected)) return `${has} and has to be ${kindOf(expected)}`
      if (Array.isArray(actual) && actual.length < (matcher.min ?? 0)) {
        return `has ${actual.length} items and has to have at least ${matcher.min}`
      }
      return Array.isArray(actual) && matcher.max !== undefined && actual.length > matcher.max
        ? `has ${actual.length} items and may have at most ${matcher.max}`
        : undefined
    case "regex":
      return typeof actual === "string" && patternOf(matcher.regex ?? "").test(actual)
        ? undefined
        : `${has} and has to match ${matcher.regex ?? ""}`
    case "integer":
      return Number.isInteger(actual) ? undefined : `${has} and has to be a whole number`
    case "number":
    case "decimal":
      return typeof actual === "number" ? undefined : `${has} and has to be a number`
    case "boolean":
      return typeof actual === "boolean" ? undefined : `${has} and has to be true or false`
    case "eachValue":
      return isRecord(actual) && Object.values(actual).every(isRecord)
        ? undefined
        : `${has} and has to be an object whose members are objects`
    case "equality":
      return actual === expected ? undefined : `${has} and has to be ${quote(expected)}`
    default:
      return `cannot be checked: this verifier does not know the rule ${matcher.match}`
  }
}

/** Rules after which the members of a value are not looked at. */
const isWhole = (matchers: ReadonlyArray<Matcher>): boolean => matchers.some(({ match }) => match === "eachValue")

interface Comparison {
  readonly rules: Rules
  readonly found: Array<string>
}

const compare = (into: Comparison, expected: unknown, actual: unknown, path: Path): void => {
  if (into.found.length >= maxDifferences) return
  const matchers = ruleFor(into.rules, path)
  const plain = isRecord(expected) || Array.isArray(expected) ? "type" : "equality"
  for (const matcher of matchers ?? [{ match: plain }]) {
    const wrong = violates(matcher, expected, actual)
    if (wrong === undefined) continue
    into.found.push(actual === undefined ? `${show(path)} is missing` : `${show(path)} ${wrong}`)
    return
  }
  if (matchers !== undefined && isWhole(matchers)) return
  if (isRecord(expected) && isRecord(actual)) {
    // Members that the consumer does not name are none of its business.
    for (const [name, value] of Object.entries(expected)) compare(into, value, actual[name], [...path, name])
  } else if (Array.isArray(expected) && Array.isArray(actual)) {
    if (matchers === undefined && expected.length !== actual.length) {
      into.found.push(`${show(path)} has ${actual.length} items and has to have ${expected.length}`)
      return
    }
    for (const [at, item] of actual.entries()) compare(into, expected[at] ?? expected[0], item, [...path, at])
  }
}

/** Empty when the body is as promised. */
export const body = (expected: unknown, actual: unknown, rules: Rules = {}): ReadonlyArray<string> => {
  const into: Comparison = { rules, found: [] }
  compare(into, expected, actual, [])
  return into.found
}

const mediaType = (value: string): string => value.split(";", 1)[0]!.trim().toLowerCase()

/** Empty when every promised header is there; those that a provider sends besides do not matter. */
export const headers = (
  expected: Readonly<Record<string, ReadonlyArray<string>>>,
  actual: Readonly<Record<string, string | ReadonlyArray<string> | undefined>>,
  rules: Rules = {}
): ReadonlyArray<string> =>
  Object.entries(expected).flatMap(([given, values]) => {
    const name = given.toLowerCase()
    const sent = actual[name]
    const said = typeof sent === "string" ? sent : sent?.join(", ")
    if (said === undefined) return [`the header ${name} is missing`]
    const rule = rules[given] ?? rules[name]
    const wanted = values.join(", ")
    if (rule !== undefined) {
      const wrong = rule.matchers.map((matcher) => violates(matcher, wanted, said)).find((it) => it !== undefined)
      return wrong === undefined ? [] : [`the header ${name} ${wrong}`]
    }
    const same = name === "content-type" ? mediaType(said) === mediaType(wanted) : said === wanted
    return same ? [] : [`the header ${name} is ${quote(said)} and has to be ${quote(wanted)}`]
  })
