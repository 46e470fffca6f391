/** Which links of a worker may be followed, and where they lead. */

const schemes: ReadonlySet<string> = new Set(["http:", "https:", "mailto:"])

/**
 * The address of a link, or undefined when it is relative or of a scheme that could do more than open a page.
 * Relative ones would lead into this page; a worker has no place in it.
 */
export const safeLink = (href: string): { readonly href: string; readonly host: string } | undefined => {
  let url: URL
  try {
    url = new URL(href)
  } catch {
    return undefined
  }
  if (!schemes.has(url.protocol)) return undefined
  return { href: url.href, host: url.protocol === "mailto:" ? url.pathname : url.host }
}
