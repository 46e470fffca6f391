/** What every config store owes its callers. Each case uses ids of its own, so that they share one store. */
import { assert, it } from "@effect/vitest"
import { Effect, Fiber, type Layer, Result, Stream } from "effect"
import { TestClock } from "effect/testing"
import * as Connection from "../../src/domain/Connection.ts"
import { ConfigStore } from "../../src/domain/ConfigStore.ts"
import { embeddedRuntimeId } from "../../src/domain/Identifiers.ts"

export interface Capabilities {
  /** Set when entries only take what JSON and the store's own format have in common; `null` is then refused. */
  readonly nullInOptions?: "unsupported"
}

const entry = (id: string, more: Record<string, unknown> = {}) =>
  Result.getOrThrow(Connection.decodeEntry({ id, endpoint: "http://127.0.0.1:8790", ...more }))

const find = (id: string) =>
  Effect.map(
    Effect.flatMap(ConfigStore, (store) => store.read),
    (config) => config.connections.find((one) => one.id === id)
  )

const revision = Effect.map(
  Effect.flatMap(ConfigStore, (store) => store.read),
  (config) => config.revision
)

export const suite = (name: string, layer: Layer.Layer<ConfigStore, unknown>, capabilities: Capabilities = {}) =>
  it.layer(layer, { timeout: "30 seconds" })(`ConfigStore (${name})`, (it) => {
    it.effect("what was added is read back whole, last in its order", () =>
      Effect.gen(function* () {
        const store = yield* ConfigStore
        const full = entry("full", {
          display_name: 'A "name" \\ with # and 日本',
          token_ref: "env:TOKEN",
          options: { region: "eu", deep: { list: [1, 2.5, "x", true], empty: {} } }
        })
        const written = yield* store.add(full)
        assert.deepStrictEqual(written.connections.at(-1), full)
        assert.deepStrictEqual(yield* find("full"), full)
        assert.strictEqual(yield* revision, written.revision)
      })
    )

    it.effect("a kind of its own is kept, and needs no endpoint", () =>
      Effect.gen(function* () {
        const store = yield* ConfigStore
        const mock = Result.getOrThrow(
          Connection.decodeEntry({ id: "kind", kind: "mock", options: { script: "busy" } })
        )
        yield* store.add(mock)
        assert.deepStrictEqual(yield* find("kind"), mock)
      })
    )

    it.effect("an update sets, keeps and removes", () =>
      Effect.gen(function* () {
        const store = yield* ConfigStore
        yield* store.add(entry("update", { display_name: "before", token_ref: "env:A" }))
        yield* store.update("update", { display_name: "after", token_ref: null, options: { a: 1 } })
        assert.deepStrictEqual(yield* find("update"), entry("update", { display_name: "after", options: { a: 1 } }))
      })
    )

    it.effect("an update stores the normal form of an endpoint, and refuses what would make the entry invalid", () =>
      Effect.gen(function* () {
        const store = yield* ConfigStore
        yield* store.add(entry("normal"))
        yield* store.update("normal", { endpoint: "HTTP://Runtime.Example:80/" })
        assert.strictEqual((yield* find("normal"))?.endpoint, "http://runtime.example")
        const before = yield* revision
        for (const endpoint of [null, "http://user@h", "file:///etc/passwd"]) {
          const problem = yield* Effect.flip(store.update("normal", { endpoint }))
          assert.strictEqual(problem._tag, "invalid_request")
          assert.strictEqual(problem.context.errors?.[0]?.pointer, "/endpoint")
        }
        assert.strictEqual(yield* revision, before)
      })
    )

    it.effect("what was removed is gone and its id is free", () =>
      Effect.gen(function* () {
        const store = yield* ConfigStore
        yield* store.add(entry("gone"))
        yield* store.remove("gone")
        assert.isUndefined(yield* find("gone"))
        yield* store.add(entry("gone"))
      })
    )

    it.effect("a taken id, an unknown one and the built-in one are told apart", () =>
      Effect.gen(function* () {
        const store = yield* ConfigStore
        yield* store.add(entry("taken"))
        const before = yield* revision
        const codes = yield* Effect.forEach(
          [
            store.add(entry("taken")),
            store.update("unknown", {}),
            store.remove("unknown"),
            store.remove("__proto__"),
            store.add(entry(embeddedRuntimeId)),
            store.update(embeddedRuntimeId, {}),
            store.remove(embeddedRuntimeId)
          ],
          (write) => Effect.map(Effect.flip(write), (problem) => problem._tag)
        )
        assert.deepStrictEqual(codes, [
          "runtime_id_taken",
          "connection_not_found",
          "connection_not_found",
          "connection_not_found",
          "runtime_built_in",
          "runtime_built_in",
          "runtime_built_in"
        ])
        assert.strictEqual(yield* revision, before)
      })
    )

    it.effect("a stale revision is refused and nothing changes", () =>
      Effect.gen(function* () {
        const store = yield* ConfigStore
        const stale = yield* revision
        const { revision: before } = yield* store.add(entry("stale"))
        for (const write of [
          store.add(entry("other"), stale),
          store.update("stale", {}, stale),
          store.remove("stale", stale)
        ]) {
          assert.strictEqual((yield* Effect.flip(write))._tag, "config_changed")
        }
        assert.strictEqual(yield* revision, before)
        assert.isDefined(yield* find("stale"))
      })
    )

    it.effect("of writers that race with one revision exactly one wins", () =>
      Effect.gen(function* () {
        const store = yield* ConfigStore
        const seen = yield* revision
        const outcomes = yield* Effect.forEach(
          ["race-a", "race-b", "race-c"],
          (id) => Effect.result(store.add(entry(id), seen)),
          { concurrency: "unbounded" }
        )
        assert.strictEqual(outcomes.filter(Result.isSuccess).length, 1)
        for (const outcome of outcomes.filter(Result.isFailure))
          assert.strictEqual(outcome.failure._tag, "config_changed")
        const { connections } = yield* store.read
        assert.strictEqual(connections.filter(({ id }) => id.startsWith("race-")).length, 1)
      })
    )

    it.effect("a change is noticed once, by whoever watches", () =>
      Effect.gen(function* () {
        const store = yield* ConfigStore
        const seen: Array<string> = []
        const watcher = yield* store.changes.pipe(
          Stream.runForEach((config) => Effect.sync(() => seen.push(config.revision))),
          Effect.forkChild
        )
        const awaitCount = Effect.fnUntraced(function* (count: number) {
          while (seen.length < count) {
            yield* TestClock.adjust("1 second")
            yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
          }
        })
        yield* awaitCount(1)
        const { revision: after } = yield* store.add(entry("watched"))
        yield* awaitCount(2)
        yield* TestClock.adjust("5 seconds")
        assert.strictEqual(seen[1], after)
        assert.strictEqual(seen.length, 2)
        yield* Fiber.interrupt(watcher)
      })
    )

    it.effect.skipIf(capabilities.nullInOptions === "unsupported")("options keep null", () =>
      Effect.gen(function* () {
        const store = yield* ConfigStore
        yield* store.add(entry("null", { options: { a: null } }))
        assert.deepStrictEqual((yield* find("null"))?.options, { a: null })
      })
    )

    it.effect("the template is text with a comment on every setting", () =>
      Effect.gen(function* () {
        const { defaultTemplate } = yield* ConfigStore
        for (const word of ["[server]", "[data]", "[limits]", "[egress]", "[[runtimes.remote]]", "token_ref"]) {
          assert.include(defaultTemplate, word)
        }
        assert.isTrue(defaultTemplate.split("\n").every((line) => line === "" || line.startsWith("#")))
      })
    )
  })
