/** Which of the stored encodings of a file a client takes, from what it says of itself (RFC 9110 §12.5.3). */

/** The name on the wire and the ending of the file that the build left, best first. */
const stored = [
  { name: "br", ending: ".br" },
  { name: "gzip", ending: ".gz" }
] as const

export type Encoding = (typeof stored)[number]

/** `q=0`, in all its spellings, says no. */
const refused = /^q=0(\.0{0,3})?$/

/** A client that says nothing, or only `*`, gets the file as it is: whoever can unpack says by which name. */
export const accepted = (header: string | undefined): ReadonlyArray<Encoding> => {
  const taken = new Set<string>()
  for (const part of header?.toLowerCase().split(",") ?? []) {
    const [name, ...weights] = part.split(";").map((it) => it.trim())
    if (!weights.some((weight) => refused.test(weight))) taken.add(name!)
  }
  return stored.filter(({ name }) => taken.has(name))
}
