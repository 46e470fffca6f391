/** Rendered in the browser alone: its address says what the form begins with. */
export const prerender = false
export const ssr = false
