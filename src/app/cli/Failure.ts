/** How a command ends when it does not end well: one line for a person, one number for a script. */
import { Data } from "effect"

/** 0 ok, 1 failed, 2 wrong usage, 3 not compatible, 4 conflict. */
export const exitCode = { failed: 1, usage: 2, incompatible: 3, conflict: 4 } as const

export class CommandFailure extends Data.TaggedError("CommandFailure")<{
  readonly sentence: string
  readonly code: number
}> {
  override get message(): string {
    return this.sentence
  }
}

export const fail = (sentence: string, code: number = exitCode.failed) => new CommandFailure({ sentence, code })
export const usage = (sentence: string) => fail(sentence, exitCode.usage)
