/** Exact shapes: every member that is there must be expected, and every expected one must be there. */
import { assert } from "@effect/vitest"

/** Whatever came over the wire; `assertShape` says what it is. */
// eslint-disable-next-line typescript/no-explicit-any -- a type would be a promise that nobody has checked
export type Json = any

export type Shape =
  | string
  | number
  | boolean
  | null
  | RegExp
  | ((value: unknown) => boolean)
  | ReadonlyArray<Shape>
  | { readonly [member: string]: Shape }

export const text = (value: unknown): boolean => typeof value === "string" && value !== ""
export const int = (value: unknown): boolean => Number.isInteger(value)
export const bool = (value: unknown): boolean => typeof value === "boolean"
export const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/
export const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

export const assertShape = (value: unknown, shape: Shape, at = "$"): void => {
  if (typeof shape === "function") assert.isTrue(shape(value), `${at} is ${JSON.stringify(value)}`)
  else if (shape instanceof RegExp) assert.match(String(value), shape, at)
  else if (Array.isArray(shape)) {
    assert.isTrue(Array.isArray(value), `${at} is no array`)
    const items = value as ReadonlyArray<unknown>
    assert.strictEqual(items.length, shape.length, `${at}.length`)
    for (const [index, item] of items.entries()) assertShape(item, shape[index] as Shape, `${at}[${index}]`)
  } else if (isRecord(shape)) {
    assert.isTrue(isRecord(value), `${at} is ${JSON.stringify(value)}`)
    const record = value as Record<string, unknown>
    assert.deepStrictEqual(Object.keys(record).toSorted(), Object.keys(shape).toSorted(), `members of ${at}`)
    for (const [member, expected] of Object.entries(shape))
      assertShape(record[member], expected as Shape, `${at}.${member}`)
  } else assert.strictEqual(value, shape, at)
}
