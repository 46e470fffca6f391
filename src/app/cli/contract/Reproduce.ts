/** Command lines that show a person the same answer. The runtime's own token is never in one. */
import { Redacted } from "effect"
import type { Asked, Provider } from "./Provider.ts"

const quoted = (text: string): string => `'${text.replaceAll("'", String.raw`'\''`)}'`

export const curlOf = (provider: Provider, { bearer, body, headers, method, path }: Asked): string =>
  [
    "curl -i",
    ...(method === "GET" ? [] : [`-X ${method}`]),
    quoted(provider.url + path),
    ...Object.entries(headers ?? {}).map(([name, value]) => `-H ${quoted(`${name}: ${value}`)}`),
    // The pact's own token is a wrong one on purpose; the runtime's is never shown.
    ...(bearer === undefined
      ? provider.token === undefined
        ? []
        : ['-H "authorization: Bearer $TOKEN"']
      : [`-H ${quoted(`authorization: Bearer ${Redacted.value(bearer)}`)}`]),
    ...(body === undefined ? [] : [`-d ${quoted(body)}`])
  ].join(" ")
