/** `npm run conformance:write`: writes the cases into docs/conformance.md; the formatter aligns them afterwards. */
import { writeFileSync } from "node:fs"
import { path, read, renew } from "./table.ts"

writeFileSync(path, renew(read()))
