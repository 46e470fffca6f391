/** The edits of a document as edits of a text: what tests say is what stands in a file, before and after. */
import { Result } from "effect"
import * as TomlDocument from "./TomlDocument.ts"

type Arguments<F extends (document: TomlDocument.TomlDocument, ...rest: never) => unknown> =
  Parameters<F> extends [unknown, ...infer Rest] ? Rest : never

const edited = (text: string, edit: (document: TomlDocument.TomlDocument) => ReturnType<typeof TomlDocument.parse>) =>
  Result.map(Result.flatMap(TomlDocument.parse(text), edit), (document) => document.text)

export const add = (text: string, ...rest: Arguments<typeof TomlDocument.add>) =>
  edited(text, (document) => TomlDocument.add(document, ...rest))

export const remove = (text: string, ...rest: Arguments<typeof TomlDocument.remove>) =>
  edited(text, (document) => TomlDocument.remove(document, ...rest))

export const update = (text: string, ...rest: Arguments<typeof TomlDocument.update>) =>
  edited(text, (document) => TomlDocument.update(document, ...rest))
