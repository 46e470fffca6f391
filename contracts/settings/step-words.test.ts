/** What the web page says of a step in Japanese, held against the lists that the steps' codes come from. */
import { assert, it } from "@effect/vitest"
import { StepName } from "../../src/domain/ConnectionTest.ts"
import { failures } from "../../src/domain/plugin/SafeProblem.ts"
import { faults } from "../../src/domain/RuntimeFault.ts"
import type { Reason } from "../../src/domain/SecretResolver.ts"
import { stepsJa } from "../../svelte-ui/src/lib/i18n/steps.ja.ts"

/** All of them: the type asks for it. */
const secretReasons: Readonly<Record<Reason, true>> = {
  unknown_scheme: true,
  not_granted: true,
  provider_failed: true,
  not_set: true,
  unreadable: true,
  readable_by_others: true,
  outside_allowed_folders: true,
  reserved_place: true,
  damaged: true,
  too_large: true,
  empty: true,
  control_characters: true
}

/** Words of a step, as `Step` documents them, and reasons that only the test or the circuit breaker gives. */
const further = [
  "not_reached",
  "not_applicable",
  "not_encrypted",
  "undeclared",
  "nothing_to_watch",
  "runtime_auth_failed.no_token",
  "runtime_timeout.step",
  "runtime_timeout.test",
  "runtime_unreachable.circuit_open"
]

const codes = [
  ...StepName.literals.map((step) => `ok.${step}`),
  ...Object.entries(faults).map(([reason, { code }]) => `${code}.${reason}`),
  ...Object.keys(secretReasons).map((reason) => `secret_unresolvable.${reason}`),
  ...Object.keys(failures).map((reason) => `plugin_failed.${reason}`),
  ...further
]

it("every code of a step has a sentence of its own in Japanese, and none is left of a code that is gone", () => {
  for (const code of codes) assert.match(stepsJa[code]?.title ?? "", /[ぁ-んァ-ヶ一-龠]/u, code)
  assert.deepStrictEqual(Object.keys(stepsJa).toSorted(), codes.toSorted())
})
