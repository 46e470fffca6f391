/** A program that imports one module as a backend would. What is thrown is left to Node to show: it is for its author only. */
import { pathToFileURL } from "node:url"
import * as SharedModules from "../plugins/SharedModules.ts"

SharedModules.share()
await import(pathToFileURL(process.argv[2] ?? "").href)
process.exit()
