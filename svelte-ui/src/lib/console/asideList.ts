/** What stands beside the transcript: its kinds, and the bounded list of them in the order of their events. */
import type { PermissionRequest } from "./payload.ts"

export type Aside = { readonly key: string; readonly at: number } & (
  | {
      readonly kind: "tool"
      readonly id: string
      readonly name: string
      readonly input: string
      readonly state: "calling" | "running" | "done" | "failed" | "interrupted"
      readonly summary: string
      readonly output: string
      /** Characters of an input or output that was too large to be kept; 0 when it is whole. */
      readonly leftOut: { readonly input: number; readonly output: number }
    }
  | { readonly kind: "thought"; readonly text: string }
  | { readonly kind: "error"; readonly code: string; readonly message: string }
  | { readonly kind: "run_end"; readonly result: string }
  | {
      readonly kind: "plan"
      readonly entries: ReadonlyArray<PlanEntry>
      /** Its turn is over: a further plan is another one. */
      readonly over: boolean
    }
  | {
      readonly kind: "permission"
      readonly request: PermissionRequest
      /** `cancelled`: it was called off, or ended with its turn. */
      readonly state: "open" | "selected" | "cancelled" | "expired"
      /** Id of the option that was chosen. */
      readonly chosen: string | undefined
    }
  /** An input that waited and never became part of the transcript. */
  | {
      readonly kind: "unstarted"
      readonly content: string
      readonly reason: "rejected" | "ended"
      readonly message: string
    }
)
export interface PlanEntry {
  readonly content: string
  readonly priority: string
  readonly status: string
}
export type ToolCall = Extract<Aside, { kind: "tool" }>
export type Permission = Extract<Aside, { kind: "permission" }>
export type Asides = ReadonlyArray<Aside>

/** Oldest go first beyond this many; the transcript itself is never cut. */
export const maxAsides = 2_000

export const add = (asides: Asides, added: Aside): Asides => {
  if (asides.some((known) => known.key === added.key)) return asides
  const next = [...asides, added]
  // Replayed ones come late; the sort is stable, so arrival decides within one event.
  if (asides.length > 0 && asides.at(-1)!.at > added.at) next.sort((a, b) => a.at - b.at)
  return next.length > maxAsides ? next.slice(next.length - maxAsides) : next
}

/** The list with one of its members changed in its place. */
export const replace = <A extends Aside>(asides: Asides, one: A, next: A): Asides =>
  asides.map((known) => (known === one ? next : known))

/** Changes every member that the change gives back as another; the same list when it changes none. */
export const changeAll = (asides: Asides, change: (one: Aside) => Aside): Asides => {
  const next = asides.map(change)
  return next.every((one, index) => one === asides[index]) ? asides : next
}
