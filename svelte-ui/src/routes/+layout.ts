/** A page of the browser alone. */
export const ssr = false
