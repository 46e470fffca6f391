/** Everything that is wrong at the moment, as one list, the worst first. */
import type { Problem } from "#lib/api/problem.ts"
import type { ConnectionList, Runtime, Source } from "#lib/api/wire.ts"
import type { CodeText } from "#lib/i18n/codes.ts"

export interface Finding {
  readonly key: string
  readonly severity: "error" | "warning"
  /** Name of the runtime, or undefined when it is about the backend itself. */
  readonly where: string | undefined
  readonly code: string
  /** The backend's own words, when there are any. */
  readonly message: string | undefined
  readonly words: CodeText
}

export const findings = (
  runtimes: ReadonlyArray<Runtime>,
  sources: ReadonlyArray<Source>,
  connections: ConnectionList | undefined,
  failures: ReadonlyArray<{ readonly call: string; readonly problem: Problem }>,
  say: (code: string) => CodeText
): ReadonlyArray<Finding> => {
  const found = new Map<string, Finding>()
  const names = new Map(runtimes.map(({ runtime_id, display_name }) => [runtime_id, display_name || runtime_id]))
  const add = (id: string | undefined, code: string, severity: string, message?: string) => {
    const key = `${id ?? ""}/${code}`
    if (severity === "info" || found.has(key)) return
    const where = id === undefined ? undefined : (names.get(id) ?? id)
    found.set(key, {
      key,
      severity: severity === "warning" ? "warning" : "error",
      where,
      code,
      message,
      words: say(code)
    })
  }
  for (const { problem } of failures) add(undefined, problem.code, "error", problem.title)
  for (const diagnostic of connections?.diagnostics ?? [])
    add(undefined, diagnostic.code, diagnostic.severity, diagnostic.message)
  for (const runtime of runtimes) {
    for (const fact of Object.values(runtime.facts))
      if (fact.value === "no") add(runtime.runtime_id, fact.code ?? "internal", "error")
    for (const one of runtime.diagnostics) add(runtime.runtime_id, one.code, one.severity, one.message)
  }
  for (const source of sources)
    if (source.state === "failed")
      add(source.runtime_id, source.problem?.code ?? "internal", "error", source.problem?.title)
  for (const connection of connections?.connections ?? []) {
    if (connection.credential === "unresolvable") add(connection.id, "secret_unresolvable", "error")
    for (const one of connection.diagnostics) add(connection.id, one.code, one.severity, one.message)
  }
  return [...found.values()].toSorted((a, b) => Number(a.severity === "warning") - Number(b.severity === "warning"))
}
