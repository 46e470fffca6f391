import { assert, it } from "vitest"
import { knownCodes } from "#lib/api/problem.ts"
import { codeText, diagnosticText, stepText } from "./codes.ts"
import { codesJa } from "./codes.ja.ts"
import { en } from "./en.ts"
import { ago, lasted, negotiate } from "./i18n.svelte.ts"
import { ja } from "./ja.ts"
import { stepsJa } from "./steps.ja.ts"

const shape = (value: unknown, at = ""): ReadonlyArray<string> =>
  typeof value === "object" && value !== null
    ? Object.entries(value).flatMap(([name, member]) => shape(member, `${at}/${name}`))
    : [`${at}:${typeof value}`]

it("every language says everything, the same entries of open lists included", () => {
  assert.deepStrictEqual(shape(ja).toSorted(), shape(en).toSorted())
})

it("every code of the catalogue has a sentence and a fix in Japanese", () => {
  for (const code of knownCodes) {
    const text = codeText(code, codesJa)
    assert.match(text.title, /[ぁ-んァ-ヶ一-龠]/u, code)
    assert.match(text.fix, /[ぁ-んァ-ヶ一-龠]/u, code)
  }
})

const japanese = /[ぁ-んァ-ヶ一-龠]/u
const sent = { status: "fail", summary: "Sent.", fix: "Sent fix." } as const

it("a failed step says what to do in the same language, the backend's words are the last resort", () => {
  for (const [code, own] of Object.entries(stepsJa)) {
    const text = stepText({ ...sent, step: "http", code }, stepsJa, codesJa)
    assert.strictEqual(text.title, own.title)
    if (code.includes(".") && !code.startsWith("ok.")) assert.match(text.fix, japanese, code)
  }
  assert.strictEqual(stepText({ ...sent, step: "dns", code: "ok" }, stepsJa, codesJa).title, stepsJa["ok.dns"]?.title)
  const refused = { ...sent, step: "policy", code: "egress_refused.metadata" }
  assert.deepStrictEqual(stepText(refused, stepsJa, codesJa), codesJa.egress_refused)
  assert.deepStrictEqual(stepText(refused, undefined, undefined), { title: "Sent.", fix: "Sent fix." })
  const unknown = { ...sent, step: "teleport", code: "hologram" }
  assert.deepStrictEqual(stepText(unknown, stepsJa, codesJa), { title: "Sent.", fix: "Sent fix." })
})

it("a diagnostic is said in the page's language when its code is one of the catalogue", () => {
  const known = { code: "runtime_stopped", severity: "warning", message: "Sent." } as const
  assert.strictEqual(diagnosticText(known, codesJa), codesJa.runtime_stopped?.title)
  assert.strictEqual(diagnosticText(known, undefined), "Sent.")
  assert.strictEqual(diagnosticText({ ...known, code: "config_more" }, codesJa), "Sent.")
})

it("a code that nobody knows stands for itself", () => {
  assert.strictEqual(codeText("hologram", codesJa).title, "hologram")
  assert.strictEqual(codeText("toString", undefined).title, "toString")
})

it("the first language of the browser that the page speaks wins", () => {
  assert.strictEqual(negotiate(["fr-FR", "ja-JP", "en"]), "ja")
  assert.strictEqual(negotiate(["en-GB", "ja"]), "en")
  assert.strictEqual(negotiate(["fr"]), "en")
  assert.strictEqual(negotiate([]), "en")
})

it("distances in time never lie in the future", () => {
  assert.strictEqual(ago(10_000, 1_000, "en"), "now")
  assert.strictEqual(lasted(10_000, 1_000, "en"), "1 sec")
  assert.strictEqual(lasted(0, 150_000, "en"), "2 min")
  assert.strictEqual(lasted(0, 86_400_000 * 2, "en"), "2 days")
})
