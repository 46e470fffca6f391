/** The one entry of the program. */
import { version } from "./version.ts"

const args = process.argv.slice(2)

// Asked by scripts and by people who wonder what they have: an answer that needs none of the program.
if (args.length === 1 && args[0] === "--version") process.stdout.write(`yoi-workspace v${version}\n`)
else void import("./cli/Program.ts").then(({ main }) => main(args))
