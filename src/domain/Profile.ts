/** What kind of worker to run: chosen by name, declared by the runtime. */
import { Option, Schema } from "effect"

const name = Schema.String.check(Schema.isPattern(/^[A-Za-z0-9][A-Za-z0-9._-]{0,95}$/))

export const ProfileSelector = Schema.Union([
  Schema.Struct({ kind: Schema.Literal("runtime_default") }),
  Schema.Struct({ kind: Schema.Literals(["builtin", "named"]), value: name })
])
export type ProfileSelector = typeof ProfileSelector.Type

export const runtimeDefault: ProfileSelector = { kind: "runtime_default" }

/** How what its workers say is to be shown: as it is, with its spaces and line breaks. Absent = as Markdown. */
export const TextFormat = Schema.Literal("plain")

/** A profile that a runtime offers. */
export const Profile = Schema.Struct({
  selector: ProfileSelector,
  label: Schema.String,
  description: Schema.String,
  text_format: Schema.optionalKey(TextFormat),
  /** Why no worker of it can be created now, for a person; absent when one can. */
  unavailable: Schema.optionalKey(Schema.String)
})
export type Profile = typeof Profile.Type

/** `builtin:echo`, `named:reviewer`, `runtime_default`: the one-word form that browsers, the CLI and digests use. */
export const format = (selector: ProfileSelector): string =>
  selector.kind === "runtime_default" ? selector.kind : `${selector.kind}:${selector.value}`

/** The inverse of `format`: what it would not have written is refused. */
export const parse = (text: string): Option.Option<ProfileSelector> => {
  const colon = text.indexOf(":")
  const parts = colon < 0 ? { kind: text } : { kind: text.slice(0, colon), value: text.slice(colon + 1) }
  return Option.filter(Schema.decodeUnknownOption(ProfileSelector)(parts), (selector) => format(selector) === text)
}

export const equals = (a: ProfileSelector, b: ProfileSelector): boolean => format(a) === format(b)
