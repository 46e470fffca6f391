/** What a tool took or gave, as far as events keep it: an event has to fit a record and a frame. */

/** What has a longer JSON, in UTF-16 units, is kept as its length. */
export const maxLength = 65_536

/** Of a tool's name, of the id of its call and of the line that says what came of it, in UTF-16 units. */
export const maxTitle = 500

/** The value, or `{omitted: true, length}` of one whose JSON is longer than `maxLength`; null for none. */
export const bounded = (value: unknown): unknown => {
  const json = JSON.stringify(value)
  if (json === undefined) return null
  return json.length <= maxLength ? value : { omitted: true, length: json.length }
}
