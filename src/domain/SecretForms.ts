/** How a secret looks in what a program writes: as it is, as JSON has it, and line by line. */

/** Shorter lines of a secret, in UTF-16 units, are everyday text: to hide a brace would hide nothing else. */
export const shortestLine = 8

/** Longest first, so that a part is not hidden before the whole. Nothing for an empty secret. */
export const formsOf = (secret: string): ReadonlyArray<string> => {
  if (secret === "") return []
  const lines = secret.split(/[\r\n]+/).filter((line) => line.length >= shortestLine)
  const forms = new Set([secret, JSON.stringify(secret).slice(1, -1), ...lines])
  return Array.from(forms).toSorted((a, b) => b.length - a.length)
}
