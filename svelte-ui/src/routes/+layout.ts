/** Rendered ahead, in English and without data: what is left to do in the browser is to fill it in. */
export const prerender = true
