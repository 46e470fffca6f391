/** `plugin check`: what is wrong with a plugin, before anybody has it: types, definition, and how its kinds behave. */
import { Console, Effect, Option, Schema } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { type Tier, tiers } from "../../domain/conformance/Conformance.ts"
import type { Isolation } from "../../domain/plugin/PluginEntry.ts"
import { type Finding, review } from "../authoring/DefinitionReview.ts"
import * as PluginFolder from "../authoring/PluginFolder.ts"
import type { Stage } from "../authoring/Stage.ts"
import * as Trial from "../authoring/Trial.ts"
import * as TypeCheck from "../authoring/TypeCheck.ts"
import * as FormSchema from "../../domain/plugin/FormSchema.ts"
import { find } from "../plugins/PluginPlace.ts"
import { fail, usage } from "./Failure.ts"

export const target = Argument.String("plugin").pipe(
  Argument.withDescription("Folder of the plugin's package, or its module; this folder unless given"),
  Argument.withDefault(".")
)

const levels: ReadonlyArray<Isolation> = ["none", "worker", "process"]

const flags = {
  plugin: target,
  isolation: Flag.Literals("isolation", [...levels, "all"]).pipe(
    Flag.withDescription("Where the plugin runs while the conformance kit tries it"),
    Flag.withDefault("process" as const)
  ),
  stage: Flag.String("stage").pipe(
    Flag.withMetavar("FILE"),
    Flag.withDescription("Module that starts what the kinds are tried on; the one of package.json unless given"),
    Flag.optional
  ),
  endpoint: Flag.String("endpoint").pipe(
    Flag.withMetavar("URL"),
    Flag.withDescription("A system that runs, in the place of a stage. It may be used for tests"),
    Flag.optional
  ),
  tokenEnv: Flag.String("token-env").pipe(
    Flag.withMetavar("NAME"),
    Flag.withDescription("Environment variable with the token of that system"),
    Flag.optional
  ),
  options: Flag.String("options").pipe(
    Flag.withMetavar("JSON"),
    Flag.withDescription("Options of the connection, as a JSON object"),
    Flag.optional
  ),
  tier: Flag.Literals("tier", tiers).pipe(Flag.withDescription("Fail unless this tier is reached"), Flag.optional),
  json: Flag.Boolean("json").pipe(Flag.withDescription("Print the report as JSON"), Flag.withDefault(false))
}

interface Flags extends Command.Command.Config.Infer<typeof flags> {}

const decodeOptions = Schema.decodeUnknownEffect(Schema.fromJsonString(Schema.Record(Schema.String, Schema.Json)))

/** What the flags say of a system that runs, and the stage of the package unless they say something. */
const stageOf = Effect.fnUntraced(function* (given: Flags, ofPackage: string | undefined) {
  const options = Option.isNone(given.options)
    ? undefined
    : yield* Effect.mapError(decodeOptions(given.options.value), () => usage("--options takes a JSON object."))
  const name = Option.getOrUndefined(given.tokenEnv)
  const token = name === undefined ? undefined : process.env[name]
  if (name !== undefined && token === undefined) return yield* usage(`There is no environment variable ${name}.`)
  const endpoint = Option.getOrUndefined(given.endpoint)
  const said: Stage = {
    ...(endpoint === undefined ? undefined : { endpoint }),
    ...(token === undefined ? undefined : { token }),
    ...(options === undefined ? undefined : { options })
  }
  const file = Option.getOrElse(given.stage, () => (endpoint === undefined ? ofPackage : undefined))
  if (file === undefined) return { start: () => said, complete: endpoint !== undefined }
  const start = yield* Trial.stageOf(file)
  return { start: async () => ({ ...(await start()), ...said }), complete: true }
})

interface Checked {
  readonly findings: ReadonlyArray<Finding>
  readonly kinds: ReadonlyArray<object>
  readonly conformance: ReadonlyArray<object>
}

const examine = Effect.fnUntraced(function* (given: Flags, wanted: Tier | undefined) {
  const { file, folder, name, stage } = yield* Effect.mapError(PluginFolder.find(given.plugin), ({ sentence }) =>
    usage(sentence)
  )
  const findings: Array<Finding> = []
  const add = (check: Finding["check"], severity: Finding["severity"], sentence: string) =>
    void findings.push({ check, severity, sentence })
  const checked: { -readonly [K in keyof Checked]: Checked[K] } = { findings, kinds: [], conformance: [] }

  const types = yield* TypeCheck.check(folder)
  if (types.kind === "absent") add("types", "warning", `Types were not checked. ${types.sentence}`)
  else if (types.kind === "ok") add("types", "ok", "The types are right.")
  else for (const line of types.lines) add("types", "error", line)

  const placed = yield* Effect.result(find(folder, { path: file }))
  if (placed._tag === "Failure") add("place", "error", placed.failure.sentence)

  const { complete, start } = yield* Effect.catchTag(stageOf(given, stage), "NotLoaded", ({ sentence }) =>
    usage(sentence)
  )
  // In a process of its own first: one that never ends or ends the process costs nothing there.
  const facts = yield* Effect.result(Trial.facts(file, name))
  if (facts._tag === "Failure") {
    add("load", "error", facts.failure.sentence)
    return checked
  }
  add("load", "ok", "The module was loaded.")
  findings.push(...review(facts.success))
  const kinds = facts.success.filter(Trial.isSource)
  checked.kinds = kinds.map(({ capabilities, description, endpoint, kind, label, options, secretFields }) => ({
    kind,
    label,
    description,
    endpoint,
    capabilities: capabilities ?? null,
    options_schema: FormSchema.of(options),
    secret_fields: secretFields
  }))
  if (kinds.length === 0 || findings.some(({ severity }) => severity === "error")) return checked
  if (!complete && kinds.some(({ endpoint }) => endpoint === "required")) {
    add("conformance", "warning", "Nothing was tried: package.json names no stage, and there is no --endpoint.")
    return checked
  }
  for (const level of given.isolation === "all" ? levels : [given.isolation]) {
    const tried = yield* Effect.result(Trial.conformance(file, name, level, start))
    if (tried._tag === "Failure") {
      add("conformance", "error", `At isolation ${level} it could not be tried: ${tried.failure}`)
      continue
    }
    for (const { kind, report } of tried.success) {
      const { outcomes, tier, totals } = report
      const failed = outcomes.filter(({ verdict }) => verdict === "failed")
      for (const { id, reason = "" } of failed) add("conformance", "error", `${id}: ${reason}`)
      const reached = tier !== null && (wanted === undefined || tiers.indexOf(tier) >= tiers.indexOf(wanted))
      const severity = failed.length > 0 ? "error" : reached ? "ok" : wanted === undefined ? "warning" : "error"
      const counts = `${totals["passed"]} passed, ${totals["failed"]} failed, ${totals["unsupported"]} unsupported, ${totals["not_applicable"]} not applicable`
      add("conformance", severity, `${kind} at isolation ${level}: tier ${tier ?? "none"} (${counts}).`)
      checked.conformance = [...checked.conformance, { kind, isolation: level, tier, totals, failed }]
    }
  }
  return checked
})

const check = Effect.fn("plugin.check")(function* (given: Flags) {
  const checked = yield* examine(given, Option.getOrUndefined(given.tier))
  const errors = checked.findings.filter(({ severity }) => severity === "error").length
  if (given.json) yield* Console.log(JSON.stringify({ ok: errors === 0, ...checked }, undefined, 2))
  else {
    for (const { check, sentence, severity } of checked.findings) {
      yield* Console.log(`${severity.padEnd(9)}${check.padEnd(13)}${sentence}`)
    }
  }
  if (errors > 0) return yield* fail(`${errors} ${errors === 1 ? "thing is" : "things are"} wrong.`)
})

export const checkCommand = Command.make("check", flags, check).pipe(
  Command.withDescription("Say what is wrong with a plugin: types, definition, and the conformance of its kinds")
)
