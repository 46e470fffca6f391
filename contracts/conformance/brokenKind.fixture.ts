/** A plugin with a bug, for the command: its stops are refused when they are repeated. */
import { Effect } from "effect"
import type { RuntimeSource } from "../../src/domain/RuntimeSource.ts"
import { mock } from "../../src/plugins/mock/index.ts"
import { problem } from "./mutants/Mutant.ts"

export const broken: typeof mock = {
  ...mock,
  kind: "broken",
  connect: (connecting, host) =>
    Effect.map(mock.connect(connecting, host), (opened) => {
      const source = opened as RuntimeSource["Service"]
      return {
        ...source,
        stop: (worker_id, reason, options) =>
          Effect.flatMap(source.get(worker_id), ({ state }) =>
            state === "stopped"
              ? Effect.fail(problem(source, "worker.stop", "worker_not_running", { worker_id }))
              : source.stop(worker_id, reason, options)
          )
      }
    })
}
