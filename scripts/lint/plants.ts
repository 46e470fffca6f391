/** One violation per lint rule, each in the file that carries it; entries without a rule must pass. */

interface Plant {
  /** The rule as the linter reports it; absent where nothing may be reported. */
  readonly rule?: string
  /** Path to text. The first is the one that must be reported. */
  readonly files: Readonly<Record<string, string>>
}

const table = "house(import-table)"
const door = "eslint(no-restricted-globals)"
const doorProperty = "eslint(no-restricted-properties)"
const importing = (specifier: string) => `export * from "${specifier}"\n`
const svelte = (script: string) => `<script lang="ts">\n${script}</script>\n`

const plant = (rule: string | undefined, path: string, text: string): Plant => ({
  ...(rule === undefined ? {} : { rule }),
  files: { [path]: text }
})

const importTable: ReadonlyArray<Plant> = [
  plant(undefined, "src/domain/Clean.ts", importing("effect") + importing("effect/http-api") + importing("./api/A.ts")),
  plant(table, "src/domain/NodeBuiltin.ts", importing("node:fs")),
  plant(table, "src/domain/BareBuiltin.ts", importing("fs")),
  plant(table, "src/domain/PlatformNode.ts", importing("@effect/platform-node/NodeRuntime")),
  plant(table, "src/domain/Package.ts", importing("ws")),
  plant(table, "src/domain/Adapters.ts", importing("../adapters/mock/A.ts")),
  plant(table, "src/domain/api/Nested.ts", importing("../../adapters/mock/A.ts")),
  plant(table, "src/domain/App.ts", 'import { a } from "../app/A.ts"\nexport const b = a\n'),
  plant(table, "src/domain/Types.ts", 'export type { A } from "../app/A.ts"\n'),
  plant(table, "src/domain/Plugins.ts", 'export const a = () => import("../plugins/mock/A.ts")\n'),
  plant(table, "src/domain/Contracts.ts", importing("../../contracts/A.ts")),
  plant(undefined, "src/domain/Clean.test.ts", importing("@effect/vitest") + importing("./Clean.ts")),
  plant(table, "src/domain/App.test.ts", importing("../app/A.ts")),
  plant(
    undefined,
    "src/adapters/one/Clean.ts",
    ["node:fs", "ws", "effect", "../../domain/A.ts", "./B.ts", "../egress/A.ts"].map(importing).join("")
  ),
  plant(table, "src/adapters/one/Other.ts", importing("../two/A.ts")),
  plant(table, "src/adapters/one/deep/Other.ts", importing("../../two/A.ts")),
  plant(table, "src/adapters/one/App.ts", importing("../../app/A.ts")),
  plant(table, "src/adapters/one/Plugins.ts", importing("../../plugins/one/A.ts")),
  plant(table, "src/adapters/one/Contracts.ts", importing("../../../contracts/A.ts")),
  plant(table, "src/adapters/one/Testing.ts", importing("@effect/vitest")),
  plant(undefined, "src/plugins/one/Clean.ts", importing("../../adapters/mock/A.ts") + importing("../../domain/A.ts")),
  plant(undefined, "src/plugins/List.ts", importing("./one/A.ts")),
  plant(table, "src/plugins/one/Other.ts", importing("../two/A.ts")),
  plant(table, "src/plugins/one/App.ts", importing("../../app/A.ts")),
  plant(table, "src/plugins/one/Contracts.ts", importing("../../../contracts/A.ts")),
  plant(undefined, "src/app/Clean.ts", importing("../plugins/one/A.ts") + importing("../adapters/one/A.ts")),
  plant(table, "src/app/Contracts.ts", importing("../../contracts/A.ts")),
  plant(table, "src/app/Page.ts", importing("../../svelte-ui/src/lib/A.ts")),
  plant(undefined, "contracts/Clean.ts", importing("../src/app/A.ts") + importing("../src/domain/A.ts")),
  plant(undefined, "svelte-ui/src/lib/api/Clean.ts", importing("../../../../src/domain/api/A.ts")),
  plant(table, "svelte-ui/src/lib/api/App.ts", importing("../../../../src/app/A.ts")),
  plant(undefined, "svelte-ui/src/lib/Clean.test.ts", importing("vitest") + importing("#lib/api/A.ts")),
  plant(table, "svelte-ui/src/lib/Domain.test.ts", importing("../../../src/domain/A.ts")),
  plant(table, "svelte-ui/src/lib/Testing.ts", importing("vitest")),
  plant(table, "svelte-ui/src/lib/Domain.ts", importing("../../../src/domain/A.ts")),
  plant(
    table,
    "svelte-ui/src/routes/Domain.svelte",
    svelte('import { a } from "../../../src/domain/A.ts"\nexport const b = a\n')
  )
]

const oneDoor: ReadonlyArray<Plant> = [
  plant(undefined, "svelte-ui/src/lib/api/http.ts", 'export const a = () => fetch("/api")\n'),
  plant(undefined, "svelte-ui/src/lib/api.ts", 'export const a = () => new WebSocket("/api")\n'),
  plant(door, "svelte-ui/src/lib/Fetch.ts", 'export const a = () => fetch("/api")\n'),
  plant(door, "svelte-ui/src/lib/Events.ts", 'export const a = () => new EventSource("/api")\n'),
  plant(door, "svelte-ui/src/lib/Socket.ts", 'export const a = () => new WebSocket("/api")\n'),
  plant(door, "svelte-ui/src/lib/Xhr.ts", "export const a = () => new XMLHttpRequest()\n"),
  plant(door, "svelte-ui/src/routes/Fetch.svelte", svelte('  export const a = () => fetch("/api")\n')),
  plant(doorProperty, "svelte-ui/src/lib/WindowFetch.ts", 'export const a = () => window.fetch("/api")\n'),
  plant(doorProperty, "svelte-ui/src/lib/GlobalFetch.ts", 'export const a = () => globalThis.fetch("/api")\n'),
  plant(doorProperty, "svelte-ui/src/lib/Beacon.ts", 'export const a = () => navigator.sendBeacon("/api")\n')
]

const houseRules: ReadonlyArray<Plant> = [
  plant(doorProperty, "src/app/Now.ts", "export const a = () => Date.now()\n"),
  plant(doorProperty, "src/app/Chance.ts", "export const a = () => Math.random()\n"),
  plant("eslint(no-console)", "src/app/Console.ts", 'console.log("a")\n'),
  plant("eslint(no-var)", "src/app/Var.ts", "export var a = 1\n"),
  plant("eslint(eqeqeq)", "src/app/Equal.ts", "export const a = (b: number) => b == 1\n"),
  plant("eslint(no-unused-vars)", "src/app/Unused.ts", "const a = 1\nexport const b = 2\n"),
  plant(
    "eslint(no-await-in-loop)",
    "src/app/Loop.ts",
    "export const a = async (b: Array<() => Promise<void>>) => { for (const c of b) await c() }\n"
  ),
  plant("typescript(no-explicit-any)", "src/app/Any.ts", "export const a: any = 1\n"),
  plant("typescript(array-type)", "src/app/ArrayType.ts", "export const a: number[] = []\n"),
  plant(
    "typescript(consistent-type-imports)",
    "src/app/TypeImport.ts",
    'import { Effect } from "effect"\nexport type A = Effect.Effect<void>\n'
  ),
  plant("import(no-default-export)", "src/app/Default.ts", "export default 1\n"),
  plant("vitest(no-focused-tests)", "src/app/Focused.test.ts", 'import { it } from "vitest"\nit.only("a", () => {})\n'),
  {
    rule: "import(no-cycle)",
    files: {
      "src/app/CycleA.ts": 'import { b } from "./CycleB.ts"\nexport const a = () => b\n',
      "src/app/CycleB.ts": 'import { a } from "./CycleA.ts"\nexport const b = () => a\n'
    }
  }
]

export const lintPlants: ReadonlyArray<Plant> = [...importTable, ...oneDoor, ...houseRules]
