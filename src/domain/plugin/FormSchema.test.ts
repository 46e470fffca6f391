import { assert, it } from "@effect/vitest"
import { Schema } from "effect"
import { apiVersion, defineRuntimeSource } from "./Definition.ts"
import { flawOf } from "./DefinitionCheck.ts"
import * as FormSchema from "./FormSchema.ts"

it("a kind without options has an empty form and takes nothing but an empty object", () => {
  const options = Schema.Struct({})
  assert.deepStrictEqual(FormSchema.of(options), { type: "object", additionalProperties: false })
  const takes = Schema.is(FormSchema.strict(options))
  assert.isTrue(takes({}))
  for (const other of [{ extra: 1 }, [1], "text", null]) assert.isFalse(takes(other), JSON.stringify(other))
})

it("a struct with members stays as it is", () => {
  const options = Schema.Struct({ name: Schema.String })
  assert.strictEqual(FormSchema.strict(options), options)
})

it("a kind without options can be defined", () => {
  const kind = defineRuntimeSource({
    kind: "plain",
    apiVersion,
    label: "Plain",
    description: "A kind without options.",
    endpoint: "none",
    options: Schema.Struct({}),
    secretFields: [],
    connect: () => {
      throw new Error("is not connected here")
    }
  })
  assert.isUndefined(flawOf(kind))
})
