/** The workflows that docs/contract-testing.md hands out do what they say: their steps are run as they are written. */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { spawn } from "node:child_process"
import { existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createServer, type AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { committed } from "./Case.ts"

const root = fileURLToPath(new URL("../../", import.meta.url))
const read = (path: string): string => readFileSync(join(root, path), "utf8")

/** The commands of a workflow's steps, in order. A step has one line, or a block that ends where it is indented less. */
const stepsOf = (workflow: string): ReadonlyArray<string> => {
  const lines = workflow.split("\n")
  return lines.flatMap((line, at) => {
    const match = /^( *)(- )?run: (.*)$/.exec(line)
    if (match === null) return []
    const [, blanks = "", dash = "", command = ""] = match
    if (command !== "|") return [command]
    const indent = blanks.length + dash.length
    const rest = lines.slice(at + 1)
    const end = rest.findIndex((next) => next.trim() !== "" && next.search(/\S/) <= indent)
    return [(end < 0 ? rest : rest.slice(0, end)).map((next) => next.slice(indent + 2)).join("\n")]
  })
}

const usesOf = (workflow: string): ReadonlyArray<string> =>
  Array.from(workflow.matchAll(/uses: (.+)$/gm), ([, used]) => used ?? "")

const freePort = async (): Promise<number> => {
  const server = createServer()
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

const folders: Array<string> = []
const groups: Array<number> = []
let bin = ""

/** Instead of a registry: npm has nothing to do, and npx finds the command in this repository. */
beforeAll(() => {
  bin = mkdtempSync(join(tmpdir(), "example-bin-"))
  folders.push(bin)
  const script = (name: string, text: string) => writeFileSync(join(bin, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 })
  script("npm", "exit 0")
  script("npx", `[ "$1" = yoi-workspace ] || exit 127\nshift\nexec "${process.execPath}" "${root}src/app/main.ts" "$@"`)
})

afterAll(() => {
  for (const group of groups) {
    try {
      process.kill(-group, "SIGKILL")
    } catch {
      // All of it has ended.
    }
  }
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

interface Ran {
  readonly folder: string
  readonly outputs: ReadonlyArray<{ readonly code: number | null; readonly said: string }>
}

/** Runs the steps as the runner does: one shell for each, in one folder, on a port that is free here. */
const run = async (workflow: string, prepare: (folder: string) => void): Promise<Ran> => {
  const folder = mkdtempSync(join(tmpdir(), "example-"))
  folders.push(folder)
  prepare(folder)
  const port = String(await freePort())
  const outputs: Array<Ran["outputs"][number]> = []
  for (const step of stepsOf(workflow)) {
    const log = join(folder, "said.log")
    const shell = spawn("bash", ["-e", "-c", `exec >"${log}" 2>&1\n${step.replaceAll("38800", port)}`], {
      cwd: folder,
      detached: true,
      stdio: "ignore",
      env: { ...process.env, PATH: `${bin}:${process.env["PATH"]}`, PACKAGE: "./yoi-workspace-0.1.0.tgz" }
    })
    if (shell.pid !== undefined) groups.push(shell.pid)
    const code = await new Promise<number | null>((resolve) => void shell.once("exit", resolve))
    outputs.push({ code, said: readFileSync(log, "utf8") })
    if (code !== 0) break
  }
  return { folder, outputs }
}

const succeeded = ({ outputs }: Ran, workflow: string) => {
  assert.strictEqual(outputs.at(-1)?.code, 0, outputs.at(-1)?.said)
  assert.lengthOf(outputs, stepsOf(workflow).length)
}

/** What a workflow keeps has to be there. */
const kept = (workflow: string, folder: string): ReadonlyArray<string> =>
  globSync(/^ +path: (.+)$/m.exec(workflow)?.[1] ?? "", { cwd: folder }).toSorted()

const timeout = 60_000

describe.concurrent("the workflow of a provider", () => {
  const workflow = read("docs/examples/contract-provider.yml")

  it(
    "verifies the runtime that it starts, and keeps both reports",
    async () => {
      const ran = await run(workflow, () => {})
      succeeded(ran, workflow)
      assert.match(ran.outputs.at(-1)?.said ?? "", /\n[1-9][0-9]* passed, 0 failed, [0-9]+ skipped\n/)
      assert.deepStrictEqual(kept(workflow, ran.folder), ["contract.json", "contract.xml"])
    },
    timeout
  )
})

describe.concurrent("the workflow of a consumer", () => {
  const workflow = read("docs/examples/contract-consumer.yml")
  const pact = JSON.parse(readFileSync(join(committed, "workspace-backend-worker-runtime.json"), "utf8")) as {
    interactions: ReadonlyArray<{ description: string }>
  }
  /** What the team's own tests would have written. */
  const written = (folder: string, change: (text: string) => string = (text) => text) => {
    mkdirSync(join(folder, "pacts"))
    const interactions = pact.interactions.filter(({ description }) => description === "one worker")
    writeFileSync(join(folder, "pacts", "ours.json"), change(JSON.stringify({ ...pact, interactions })))
  }

  it(
    "verifies its pact against a real runtime, and keeps the report",
    async () => {
      const ran = await run(workflow, written)
      succeeded(ran, workflow)
      assert.deepStrictEqual(kept(workflow, ran.folder), ["contract-ours.xml"])
    },
    timeout
  )

  it(
    "fails for a pact that no runtime keeps",
    async () => {
      const { folder, outputs } = await run(workflow, (to) =>
        written(to, (text) => text.replace('"status":200', '"status":299'))
      )
      assert.strictEqual(outputs.at(-1)?.code, 1)
      assert.isTrue(existsSync(join(folder, "contract-ours.xml")))
    },
    timeout
  )
})

it("the workflows use the actions that this repository uses itself, at the same commits", () => {
  const ours = new Set(
    globSync(".github/workflows/*.yml", { cwd: root }).flatMap((path) => usesOf(read(path)).map((it) => it.trim()))
  )
  for (const name of ["provider", "consumer"]) {
    for (const used of usesOf(read(`docs/examples/contract-${name}.yml`))) {
      assert.match(used, /^actions\/[a-z-]+@[0-9a-f]{40} # v[0-9.]+$/)
      if (!used.startsWith("actions/upload-artifact@")) assert.isTrue(ours.has(used), used)
    }
  }
})
