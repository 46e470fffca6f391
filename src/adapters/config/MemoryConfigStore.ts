/** A config that lives in memory: for tests, demos, and a backend without a file. */
import { Effect, Layer, Ref } from "effect"
import * as ConfigStore from "../../domain/ConfigStore.ts"
import type { EntryChange, WorkspaceConfig } from "../../domain/ConfigStore.ts"
import type { ConnectionEntry } from "../../domain/Connection.ts"
import * as Problem from "../../domain/Problem.ts"
import { configTemplate } from "./configTemplate.ts"

export interface Options {
  readonly connections?: ReadonlyArray<ConnectionEntry>
  readonly egress?: ConfigStore.EgressSection
}

const changed = (entry: ConnectionEntry, change: EntryChange): ConnectionEntry =>
  Object.fromEntries(
    Object.entries({ ...entry, ...change }).filter(([, value]) => value !== undefined)
  ) as unknown as ConnectionEntry

interface State {
  readonly version: number
  readonly connections: ReadonlyArray<ConnectionEntry>
}

export const layer = (options: Options = {}): Layer.Layer<ConfigStore.ConfigStore> =>
  Layer.effect(
    ConfigStore.ConfigStore,
    Effect.gen(function* () {
      const state = yield* Ref.make<State>({ version: 0, connections: options.connections ?? [] })

      const config = ({ connections, version }: State): WorkspaceConfig => ({
        server: {},
        data: {},
        limits: {},
        egress: options.egress ?? {},
        plugins: [],
        connections,
        rejected_ids: [],
        diagnostics: [],
        revision: `memory-${version}`,
        readable: true,
        writable: true
      })

      const write = Effect.fnUntraced(function* (
        revision: string,
        edit: (connections: ReadonlyArray<ConnectionEntry>) => ReadonlyArray<ConnectionEntry>
      ) {
        const next = yield* Ref.modify(state, (current) => {
          if (config(current).revision !== revision) return [undefined, current]
          const next = { version: current.version + 1, connections: edit(current.connections) }
          return [next, next]
        })
        return next === undefined ? yield* Problem.fail("config_changed") : config(next)
      })

      return ConfigStore.make({
        read: Effect.map(Ref.get(state), config),
        defaultTemplate: configTemplate,
        insert: (entry, revision) => write(revision, (connections) => [...connections, entry]),
        change: (id, change, revision) =>
          write(revision, (connections) =>
            connections.map((entry) => (entry.id === id ? changed(entry, change) : entry))
          ),
        drop: (id, revision) => write(revision, (connections) => connections.filter((entry) => entry.id !== id))
      })
    })
  )
