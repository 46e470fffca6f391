/** Text of an agent that a person decides by: characters that hide or turn round what stands there are written out. */

/** Controls but tab and line feed, and the embeddings, overrides and isolates of bidirectional text. */
const tricky = /(?![\t\n])[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu

/** `\u202e` in the place of a character that would turn the rest round; JSON stays the same JSON. */
export const inPlainSight = (text: string): string =>
  text.replace(tricky, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`)
