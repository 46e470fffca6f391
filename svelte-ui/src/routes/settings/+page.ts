/** Settings open at their first section. */
import { redirect } from "@sveltejs/kit"
import { paths } from "#lib/paths.ts"

export const prerender = false
export const ssr = false
export const load = () => redirect(307, paths.connections)
