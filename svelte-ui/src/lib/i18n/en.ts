/** English. The type of this dictionary is the list of what every language must say. */
import { enConsole } from "./enConsole.ts"
import { enSettings } from "./enSettings.ts"
import { enShell } from "./enShell.ts"

export const en = { ...enShell, ...enConsole, ...enSettings }

export type Messages = typeof en
