/** Bugs around idempotency keys, config bundles and restarts. */
import { Effect } from "effect"
import type { Source, Subject } from "../../../src/domain/conformance/Conformance.ts"
import { IdempotencyKey } from "../../../src/domain/Identifiers.ts"
import type { CommandOptions } from "../../../src/domain/Worker.ts"
import { type Mutant, onFrames, onSource, problem } from "./Mutant.ts"

const keyed = (text: string) => ({ idempotency_key: IdempotencyKey.make(text) })

/** Changes the source from the first restart on. */
const afterRestart =
  (change: (source: Source) => Partial<Source>) =>
  (subject: Subject): Subject => {
    let restarted = false
    return {
      ...onSource((source) => (restarted ? change(source) : {}))(subject),
      restart: Effect.andThen(
        subject.restart!,
        Effect.sync(() => {
          restarted = true
        })
      )
    }
  }

export const mutants: ReadonlyArray<Mutant> = [
  {
    bug: "a lost response and a repeated key make two workers",
    caughtBy: "idempotency.create",
    mutate: onSource((source) => ({ create: (request) => source.create(request, {}) }))
  },
  {
    bug: "a replay that does not say that it is one",
    caughtBy: "idempotency.create",
    mutate: onSource((source) => ({
      create: (...asked) => Effect.map(source.create(...asked), (it) => ({ ...it, replayed: false }))
    }))
  },
  {
    bug: "the key of an input is only looked at while the worker runs",
    caughtBy: "idempotency.input",
    mutate: onSource((source) => ({
      input: (worker_id, input, options) =>
        Effect.flatMap(source.get(worker_id), ({ state }) =>
          source.input(worker_id, input, state === "stopped" ? {} : options)
        )
    }))
  },
  {
    bug: "the key of an input is not sent",
    caughtBy: "idempotency.input",
    mutate: onSource((source) => ({ input: (worker_id, input) => source.input(worker_id, input, {}) }))
  },
  {
    bug: "the key of a stop is not sent",
    caughtBy: "idempotency.end",
    mutate: onSource((source) => ({ stop: (worker_id, reason) => source.stop(worker_id, reason, {}) }))
  },
  {
    bug: "a key with another request gets the old answer",
    caughtBy: "idempotency.other-body",
    mutate: onSource((source) => {
      const first = new Map<string, Parameters<Source["input"]>>()
      return {
        input: (worker_id, input, options) => {
          const { idempotency_key: key } = options
          if (key === undefined) return source.input(worker_id, input, options)
          const asked = first.get(key) ?? [worker_id, input, options]
          first.set(key, asked)
          return source.input(...asked)
        }
      }
    })
  },
  {
    bug: "one key for two workers",
    caughtBy: "idempotency.other-command",
    mutate: onSource((source) => ({
      stop: (worker_id, reason, { idempotency_key: key }) =>
        source.stop(worker_id, reason, key === undefined ? {} : keyed(`${worker_id}-${key}`))
    }))
  },
  {
    bug: "one key for two commands",
    caughtBy: "idempotency.other-command",
    mutate: onSource((source) => ({
      create: (request, { idempotency_key: key }) =>
        source.create(request, key === undefined ? {} : keyed(`create-${key}`))
    }))
  },
  {
    bug: "a key that is only known once its command is done",
    caughtBy: "idempotency.race",
    mutate: onSource((source) => {
      const running = new Set<string>()
      return {
        create: (request, options) =>
          Effect.suspend(() => {
            const { idempotency_key: key } = options
            if (key === undefined || running.has(key)) return source.create(request, {})
            running.add(key)
            return Effect.ensuring(
              Effect.andThen(Effect.yieldNow, source.create(request, options)),
              Effect.sync(() => running.delete(key))
            )
          })
      }
    })
  },
  {
    bug: "equal commands without a key are taken for one",
    caughtBy: "idempotency.without-key",
    mutate: onSource((source) => ({
      create: (request, options: CommandOptions) =>
        source.create(
          request,
          request.display_name === undefined
            ? options
            : keyed(options.idempotency_key ?? `same-${request.display_name}`)
        )
    }))
  },
  {
    bug: "a caller that went away comes back under another key",
    caughtBy: "idempotency.broken-off",
    mutate: onSource((source) => {
      let gone = 0
      return {
        create: (request, { idempotency_key: key }) =>
          Effect.suspend(() => {
            if (key === undefined) return source.create(request, {})
            const made = source.create(request, keyed(`${key}-${gone}`))
            return Effect.andThen(Effect.uninterruptible(made), (it) => Effect.as(Effect.yieldNow, it)).pipe(
              Effect.onInterrupt(() =>
                Effect.sync(() => {
                  gone += 1
                })
              )
            )
          })
      }
    })
  },
  {
    bug: "a bundle that is acknowledged and not kept",
    caughtBy: "bundles.kept",
    mutate: onSource(() => ({
      putBundle: ({ created_at, digest, id, revision, workspace_id }) =>
        Effect.succeed({
          reference: { id, digest },
          summary: { id, digest, revision, workspace_id, created_at, profile_count: 0, declaration_count: 0 }
        })
    }))
  },
  {
    bug: "any digest is said to be there",
    caughtBy: "bundles.digest",
    mutate: onSource((source) => ({ bundleAvailability: (id) => source.bundleAvailability(id, undefined) }))
  },
  {
    bug: "a missing bundle is left out without a word",
    caughtBy: "bundles.missing",
    mutate: onSource((source) => ({
      create: (request, options) =>
        Effect.catchTag(source.create(request, options), "config_bundle_missing", () => source.create({}, options))
    }))
  },
  {
    bug: "a worker that forgets its bundle",
    caughtBy: "bundles.used",
    mutate: onSource((source) => ({
      create: (...asked) =>
        Effect.map(source.create(...asked), (it) => ({ ...it, answer: { ...it.answer, config_bundle: null } }))
    }))
  },
  {
    bug: "workers are gone after a restart",
    caughtBy: "restart.transcript",
    mutate: afterRestart((source) => ({
      transcript: (worker_id) => Effect.fail(problem(source, "worker.transcript", "worker_not_found", { worker_id }))
    }))
  },
  {
    bug: "an ack before the disk: the last input is gone after a restart",
    caughtBy: "restart.acknowledged",
    mutate: afterRestart((source) => ({
      transcript: (...asked) =>
        Effect.map(source.transcript(...asked), (page) => ({ ...page, items: page.items.slice(0, -1) }))
    }))
  },
  {
    bug: "a worker stays busy with a turn that a restart ended",
    caughtBy: "restart.acknowledged",
    mutate: afterRestart((source) => ({
      get: (id) => Effect.map(source.get(id), (it) => ({ ...it, state: "busy" as const }))
    }))
  },
  {
    bug: "keys are forgotten in a restart",
    caughtBy: "restart.receipts",
    mutate: afterRestart((source) => ({ input: (worker_id, input) => source.input(worker_id, input, {}) }))
  },
  {
    bug: "numbers restart at 1 after a restart",
    caughtBy: "restart.cursors",
    mutate: (subject) => {
      const changed = onFrames(() => {
        let number = 0
        return (frame) => [frame.kind === "event" && frame.durable ? { ...frame, event_id: String(++number) } : frame]
      })(subject)
      let restarted = false
      return {
        ...subject,
        connect: Effect.suspend(() => (restarted ? changed.connect : subject.connect)),
        restart: Effect.andThen(
          subject.restart!,
          Effect.sync(() => {
            restarted = true
          })
        )
      }
    }
  },
  {
    bug: "a cursor from before a restart is dropped without a word",
    caughtBy: "restart.cursors",
    mutate: afterRestart((source) => ({ events: (worker_id) => source.events(worker_id, undefined) }))
  }
]
