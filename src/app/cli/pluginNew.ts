/** `plugin new`: writes the package of a plugin that works. */
import { resolve } from "node:path"
import { Console, Effect, Option, Schema } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { Kind } from "../../domain/Connection.ts"
import { reserved } from "../authoring/Reserved.ts"
import * as Template from "../authoring/Template.ts"
import { fail, usage } from "./Failure.ts"

const kind = Argument.String("kind").pipe(
  Argument.withDescription("Name of the kind of runtime, for instance acme. Connections name it")
)

const dir = Flag.String("dir").pipe(
  Flag.withMetavar("DIR"),
  Flag.withDescription("Folder to write, which must be empty or not there; yoi-plugin-KIND unless given"),
  Flag.optional
)

const write = Effect.fn("plugin.new")(function* (name: string, given: Option.Option<string>) {
  if (!Schema.is(Kind)(name)) {
    return yield* usage(
      "A kind has 1 to 64 characters: a lower-case letter, then letters, digits, underscores, dots and hyphens."
    )
  }
  if (reserved.kinds.has(name)) return yield* usage(`The kind ${name} comes with the product. Choose another name.`)
  const shown = Option.getOrElse(given, () => Template.packageOf(name))
  const files = yield* Effect.mapError(Template.write(name, resolve(shown)), ({ reason }) =>
    fail(
      reason === "not_empty"
        ? `The folder ${shown} is not empty; nothing was written.`
        : `The folder ${shown} cannot be written.`
    )
  )
  for (const file of files) yield* Console.log(`${shown}/${file}`)
  yield* Console.error(
    `Next: cd ${shown}; npm install --save-dev with the file of the yoi-workspace package; npm test; npm run dev`
  )
})

export const newCommand = Command.make("new", { kind, dir }, ({ dir, kind }) => write(kind, dir)).pipe(
  Command.withDescription("Write the package of a plugin with one kind: a program that works, with its tests")
)
