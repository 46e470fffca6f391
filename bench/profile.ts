/**
 * `node bench/profile.ts FILE.cpuprofile [--top N] [--after MS]`: condenses a processor profile into text: whose code the
 * time goes to, and which functions; or, with `--tree 3`, its calls with at least three percent of the time. `--after` leaves
 * the start out. Made with `npm run bench -- … --profile DIR`.
 */
import { readFileSync } from "node:fs"
import { parseArgs } from "node:util"

interface Node {
  readonly id: number
  readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number }
  readonly children?: ReadonlyArray<number>
}

interface Profile {
  readonly nodes: ReadonlyArray<Node>
  readonly samples: ReadonlyArray<number>
  readonly timeDeltas: ReadonlyArray<number>
}

const idle = new Set(["(idle)", "(root)", "(program)"])

/** Whose code it is: a package, a folder of ours, or Node itself. */
const ownerOf = ({ callFrame: { functionName, url } }: Node): string => {
  if (functionName === "(garbage collector)") return "garbage collection"
  if (url === "") return "native"
  if (url.startsWith("node:")) return `node:${url.slice(5).split("/").slice(0, 2).join("/")}`
  const inPackage = /node_modules\/((?:@[^/]+\/)?[^/]+)(?:\/dist)?\/([^/]+)/.exec(url)
  if (inPackage !== null) return inPackage[1] === "effect" ? `effect/${inPackage[2]}` : inPackage[1]!
  return /\/src\/(.*)\/[^/]+$/.exec(url)?.[1] ?? url
}

const placeOf = ({ callFrame: { functionName, url, lineNumber } }: Node): string => {
  const file = /(?:node_modules|src)\/(.*)$/.exec(url)?.[1] ?? url
  return `${functionName === "" ? "(anonymous)" : functionName}${file === "" ? "" : ` ${file}:${lineNumber + 1}`}`
}

/** Share of the time that is not idle, in descending order. */
const shares = (profile: Profile, by: (node: Node) => string): ReadonlyArray<readonly [string, number]> => {
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]))
  const found = new Map<string, number>()
  let total = 0
  for (const [at, id] of profile.samples.entries()) {
    const node = nodes.get(id)!
    if (idle.has(node.callFrame.functionName)) continue
    const time = Math.max(0, profile.timeDeltas[at] ?? 0)
    total += time
    found.set(by(node), (found.get(by(node)) ?? 0) + time)
  }
  return [...found].map(([name, time]) => [name, time / total] as const).toSorted((a, b) => b[1] - a[1])
}

/** Share of the time in which a function, or what it called, was at work. */
const inclusive = (profile: Profile): ReadonlyArray<readonly [string, number]> => {
  const own = new Map<number, number>()
  let total = 0
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]))
  for (const [at, id] of profile.samples.entries()) {
    if (idle.has(nodes.get(id)!.callFrame.functionName)) continue
    const time = Math.max(0, profile.timeDeltas[at] ?? 0)
    total += time
    own.set(id, (own.get(id) ?? 0) + time)
  }
  const found = new Map<string, number>()
  // A function that is on the stack twice counts once.
  const walk = (id: number, above: ReadonlySet<string>): number => {
    const node = nodes.get(id)!
    const name = placeOf(node)
    const known = above.has(name)
    const below = known ? above : new Set(above).add(name)
    let time = own.get(id) ?? 0
    for (const child of node.children ?? []) time += walk(child, below)
    if (!known) found.set(name, (found.get(name) ?? 0) + time)
    return time
  }
  walk(profile.nodes[0]!.id, new Set())
  return [...found].map(([name, time]) => [name, time / total] as const).toSorted((a, b) => b[1] - a[1])
}

/** A line of the tree is left out where nearly all of its time is that of one part below it. */
const same = 0.95

/** A folder of ours, a package or a module of Node; of what is no JavaScript the function. */
const partOf = (node: Node): string => {
  const owner = ownerOf(node)
  return owner === "native" ? node.callFrame.functionName : owner
}

/**
 * The call tree as text, a flame graph that lies on its side: who calls whom, by parts and not by functions, as far as it
 * takes at least so much of the working time.
 */
export const tree = (profile: Profile, least: number): string => {
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]))
  const own = new Map<number, number>()
  let total = 0
  for (const [at, id] of profile.samples.entries()) {
    if (idle.has(nodes.get(id)!.callFrame.functionName)) continue
    const time = Math.max(0, profile.timeDeltas[at] ?? 0)
    total += time
    own.set(id, (own.get(id) ?? 0) + time)
  }
  interface Frame {
    readonly name: string
    time: number
    readonly below: Map<string, Frame>
  }
  const into = (frame: Frame, id: number): number => {
    const node = nodes.get(id)!
    let time = own.get(id) ?? 0
    for (const child of node.children ?? []) {
      const name = partOf(nodes.get(child)!)
      if (name === frame.name) time += into(frame, child)
      else {
        const next = frame.below.get(name) ?? { name, time: 0, below: new Map<string, Frame>() }
        frame.below.set(name, next)
        const below = into(next, child)
        next.time += below
        time += below
      }
    }
    return time
  }
  const root: Frame = { name: "all", time: 0, below: new Map() }
  root.time = into(root, profile.nodes[0]!.id)
  const lines: Array<string> = []
  const write = (frame: Frame, depth: number, caller: string): void => {
    const shown = [...frame.below.values()]
      .filter(({ time }) => time / total >= least)
      .toSorted((a, b) => b.time - a.time)
    const [only] = shown
    if (only !== undefined && only.time >= frame.time * same) return write(only, depth, caller)
    const isTold = frame.name === caller
    if (!isTold) lines.push(`${percent(frame.time / total)} ${"  ".repeat(depth)}${frame.name}`)
    for (const next of shown) write(next, isTold ? depth : depth + 1, frame.name)
  }
  write(root, 0, "")
  return lines.join("\n")
}

const percent = (share: number): string => `${(share * 100).toFixed(1).padStart(5)} %`

/** The two tables as text. */
export const condense = (profile: Profile, top: number): string =>
  [
    "whose code",
    ...shares(profile, ownerOf)
      .slice(0, top)
      .map(([name, share]) => `${percent(share)}  ${name}`),
    "",
    "functions, own time",
    ...shares(profile, placeOf)
      .slice(0, top)
      .map(([name, share]) => `${percent(share)}  ${name}`),
    "",
    "functions, with what they call",
    ...inclusive(profile)
      .filter(([name]) => !idle.has(name))
      .slice(0, top * 2)
      .map(([name, share]) => `${percent(share)}  ${name}`)
  ].join("\n")

/** The profile without its first milliseconds. */
const since = (profile: Profile, milliseconds: number): Profile => {
  let passed = 0
  const from = profile.timeDeltas.findIndex((delta) => (passed += delta) >= milliseconds * 1_000)
  return { ...profile, samples: profile.samples.slice(from), timeDeltas: profile.timeDeltas.slice(from) }
}

if (import.meta.main) {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: {
      top: { type: "string", default: "25" },
      after: { type: "string", default: "0" },
      tree: { type: "string" }
    }
  })
  const [file] = positionals
  if (file === undefined) {
    console.error("Name a .cpuprofile file.")
    process.exitCode = 2
  } else {
    const profile = JSON.parse(readFileSync(file, "utf8")) as Profile
    const measured = since(profile, Number(values.after))
    console.log(
      values.tree === undefined ? condense(measured, Number(values.top)) : tree(measured, Number(values.tree) / 100)
    )
  }
}
