/** One colour language for every state: calm when fine, never colour alone. */
import type { CredentialState, FactValue, RuntimeStatus, TestStep } from "#lib/api/wire.ts"

export type Tone = "ok" | "warn" | "bad" | "busy" | "quiet"

const pick = (table: Readonly<Record<string, Tone>>, key: string): Tone =>
  Object.hasOwn(table, key) ? table[key]! : "quiet"

export const runtimeTone = (status: RuntimeStatus): Tone =>
  pick({ running: "ok", stopped: "warn", unreachable: "bad", auth_failed: "bad", incompatible: "bad" }, status)

export const workerTone = (state: string): Tone =>
  pick({ idle: "ok", busy: "busy", errored: "bad", stale: "warn" }, state)

export const factTone = (value: FactValue): Tone => pick({ yes: "ok", no: "bad" }, value)

export const credentialTone = (state: CredentialState): Tone =>
  pick({ resolvable: "ok", unresolvable: "bad", rejected: "bad" }, state)

export const stepTone = (status: TestStep["status"]): Tone => pick({ pass: "ok", warn: "warn", fail: "bad" }, status)

export const severityTone = (severity: string): Tone => pick({ error: "bad", warning: "warn" }, severity)

export const toneText: Readonly<Record<Tone, string>> = {
  ok: "text-ok",
  warn: "text-warn",
  bad: "text-bad",
  busy: "text-accent",
  quiet: "text-muted"
}
export const toneGround: Readonly<Record<Tone, string>> = {
  ok: "bg-ok-soft text-ok",
  warn: "bg-warn-soft text-warn",
  bad: "bg-bad-soft text-bad",
  busy: "bg-accent-soft text-accent",
  quiet: "bg-sunken text-muted"
}
