/**
 * What the model answers. Prompts carry a word `PROBE-name`, and the answer names every such word of the whole
 * conversation: it shows what the agent still knows. `PROBE-name TOOL` asks for one call of a shell; `PROBE-name WAIT`
 * begins an answer and never ends it.
 */

/** The file that the called shell writes in its working folder. */
export const toolFile = "called"

export type Answer =
  | { readonly kind: "text" | "wait"; readonly text: string }
  | { readonly kind: "tool"; readonly name: string; readonly arguments: object }

/** Names under which agents offer a shell. */
const shells = ["bash", "run_shell_command", "shell_command", "exec_command", "shell", "Bash"]

interface Tool {
  readonly name?: string
  readonly function?: { readonly name: string }
  readonly functionDeclarations?: ReadonlyArray<{ readonly name: string }>
}

/** What is read of a request: the conversation under the name of each API, and the tools. */
export interface Request {
  readonly messages?: unknown
  readonly input?: unknown
  readonly contents?: unknown
  readonly tools?: ReadonlyArray<Tool>
  readonly stream?: boolean
}

const namesOf = ({ tools = [] }: Request): ReadonlyArray<string | undefined> =>
  tools.flatMap((it) => it.functionDeclarations?.map(({ name }) => name) ?? [it.function?.name ?? it.name])

/** The arguments that the shells of all known agents need, with nothing that one of them would refuse. */
const argumentsOf = (name: string): object => {
  const command = `echo yes > ${toolFile}`
  if (name === "shell") return { command: ["sh", "-c", command] }
  if (name === "exec_command") return { cmd: command }
  const said = { command, description: "Writes a file" }
  return name === "run_shell_command" ? { ...said, is_background: false } : said
}

const results = ['"role":"tool"', '"type":"tool_result"', '"functionResponse"', '"type":"function_call_output"']

export const answerTo = (body: Request): Answer => {
  const said = JSON.stringify(body.messages ?? body.input ?? body.contents ?? "")
  const probes = [...said.matchAll(/PROBE-([a-z]+)( TOOL| WAIT)?/g)]
  const last = probes.at(-1)
  const known = [...new Set(probes.map((it) => it[1]!))].join(" ")
  const names = namesOf(body)
  // What an agent asks beside the conversation, like a title for it, has no tools.
  if (last !== undefined && names.length > 0) {
    if (last[2] === " WAIT") return { kind: "wait", text: "waiting " }
    const answered = results.some((it) => said.lastIndexOf(it) > last.index)
    const name = shells.find((it) => names.includes(it))
    if (last[2] === " TOOL" && !answered && name !== undefined) {
      return { kind: "tool", name, arguments: argumentsOf(name) }
    }
  }
  return { kind: "text", text: `known: ${known}.` }
}
