/** `npm run build`: the built web page, and nothing else, since the server runs from its sources. */
import { ensure } from "./ensure.mjs"

await ensure({ page: true })
