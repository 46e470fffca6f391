/** `npm run build`: the built web page, and the bundle that `npm start` runs until the sources change. */
import { ensure } from "./ensure.mjs"

await ensure({ page: true, program: true })
