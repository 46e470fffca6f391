/** JSON of a peer that is not trusted: bytes to a value that still has no shape. */
import { Option, Result } from "effect"

const utf8 = new TextDecoder("utf-8", { fatal: true })

/** None for what is not JSON. A schema of anything at all would say the same for a microsecond more. */
export const parseText = (text: string): Option.Option<unknown> =>
  Result.getSuccess(Result.try((): unknown => JSON.parse(text)))

/** None for what is not UTF-8 or not JSON. */
export const parse = (bytes: Uint8Array): Option.Option<unknown> =>
  Option.flatMap(Result.getSuccess(Result.try(() => utf8.decode(bytes))), parseText)

/** None for a value that nests too deep to be written again. */
export const write = (value: unknown): Option.Option<string> =>
  Result.getSuccess(Result.try(() => JSON.stringify(value)))
