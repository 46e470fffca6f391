/** Rendered in the browser alone: its address names what no build knows. */
export const prerender = false
export const ssr = false
