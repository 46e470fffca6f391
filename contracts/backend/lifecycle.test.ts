/** The life of a backend: stops that are good ends, restarts, and a kill in the middle of work. */
import { afterAll, assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Layer, Scope } from "effect"
import { once } from "node:events"
import { connect } from "node:net"
import { layer, portOf } from "./BackendLayer.ts"
import { makeFolder, removeFolder, start } from "./BackendProcess.ts"
import { create, get, post, until, workerPath, workersPath } from "./Stranger.ts"
import { isEvent, isKind, watch } from "./Watcher.ts"

const folders: Array<string> = []
const folder = (): string => {
  const made = makeFolder()
  folders.push(made)
  return made
}
afterAll(() => {
  for (const made of folders) removeFolder(made)
})

describe("a stop", () => {
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    it(`by ${signal} with a worker at work and streams open is exit 0, and everybody is told`, async () => {
      const backend = await start({ folder: folder() })
      const busy = await create(backend.url, { initial_input: { kind: "user", content: "/wait 60000 x" } })
      const socket = await watch(backend.url + workerPath(busy, "/events/ws"))
      await socket.until(isEvent("snapshot"))
      const stream = await fetch(backend.url + workerPath(busy, "/events"))
      const rest = stream.text()
      backend.kill(signal)
      const { code: closed } = await socket.closed
      assert.strictEqual(closed, 1001)
      assert.match(await rest, /"snapshot"/)
      const { code, signal: by, stderr, stdout } = await backend.ended
      assert.deepStrictEqual({ code, by, stderr }, { code: 0, by: null, stderr: "" })
      assert.strictEqual(stdout, `${backend.url}\n`)
    })
  }

  // The clock of this test stands still: a stop that waits for its deadline would never end.
  it.effect(
    "does not wait for connections on which nothing is under way",
    () =>
      Effect.gen(function* () {
        const scope = yield* Scope.make()
        const port = portOf(yield* Layer.buildWithScope(layer(folder()), scope))
        yield* Effect.promise(async () => {
          const silent = Array.from({ length: 3 }, () => connect(port, "127.0.0.1"))
          await Promise.all(silent.map((socket) => once(socket, "connect")))
          const kept = connect(port, "127.0.0.1")
          kept.write(`GET /livez HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`)
          await once(kept, "data")
        })
        yield* Scope.close(scope, Exit.void)
      }),
    10_000
  )

  it.effect(
    "answers what is under way, and then waits no longer",
    () =>
      Effect.gen(function* () {
        const scope = yield* Scope.make()
        const port = portOf(yield* Layer.buildWithScope(layer(folder()), scope))
        const socket = connect(port, "127.0.0.1")
        const head = `POST ${workersPath} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n`
        socket.write(head)
        // The server has said that it reads the body.
        yield* Effect.promise(() => once(socket, "data"))
        const stopping = yield* Effect.forkChild(Scope.close(scope, Exit.void))
        const refuses = (): Promise<void> =>
          new Promise((resolve) => {
            const other = connect(port, "127.0.0.1", () => {
              other.destroy()
              resolve(refuses())
            })
            other.on("error", () => resolve())
          })
        yield* Effect.promise(refuses)
        const answered = once(socket, "data")
        socket.write("{}")
        const [answer] = yield* Effect.promise(() => answered)
        assert.match(String(answer), /^HTTP\/1\.1 503 [\s\S]*"code":"runtime_unavailable"/)
        yield* Fiber.join(stopping)
      }),
    10_000
  )

  it("in the middle of requests answers them", async () => {
    const backend = await start({ folder: folder() })
    const asked = Array.from({ length: 20 }, () => post(backend.url + workersPath, {}).catch(() => undefined))
    await Promise.race(asked)
    backend.kill("SIGTERM")
    const answers = await Promise.all(asked)
    assert.strictEqual((await backend.ended).code, 0)
    const made = answers.flatMap((answer) => (answer?.status === 201 ? [answer.body.worker.worker_id] : []))
    for (const answer of answers) assert.include([201, 503, undefined], answer?.status)
    const again = await start({ folder: backend.folder })
    const { items } = (await get(`${again.url}/api/workers`)).body
    const known = new Set(items.map((worker: { worker_id: string }) => worker.worker_id))
    for (const id of made) assert.isTrue(known.has(id), "what was acknowledged is there")
    await again.stop()
  })
})

describe("a restart", () => {
  it("keeps workers, transcripts, ends and idempotency keys", async () => {
    const first = await start({ folder: folder() })
    const key = { "idempotency-key": "once" }
    const made = await post(
      first.url + workersPath,
      { display_name: "Kept", initial_input: { kind: "user", content: "hello" } },
      key
    )
    const kept = made.body.worker.worker_id
    const ended = await create(first.url)
    await post(first.url + workerPath(ended, "/cancel"))
    await until(first.url, kept, "idle")
    const watcher = await watch(first.url + workerPath(kept, "/events/ws"))
    const { head } = await watcher.until(isKind("hello"))
    const paths = ["/api/workers", workerPath(kept), workerPath(kept, "/transcript"), workerPath(ended)]
    const before = await Promise.all(paths.map((path) => get(first.url + path)))
    assert.strictEqual((await first.stop()).code, 0)

    const second = await start({ folder: first.folder })
    const after = await Promise.all(paths.map((path) => get(second.url + path)))
    assert.deepStrictEqual(
      after.map(({ body }) => body),
      before.map(({ body }) => body)
    )
    const { frames, socket, until: seen } = await watch(second.url + workerPath(kept, `/events/ws?cursor=${head}`))
    await seen(isEvent("snapshot"))
    assert.deepStrictEqual(
      frames.map(({ kind, reason }) => reason ?? kind),
      ["hello", "epoch_changed", "event"]
    )
    assert.strictEqual(frames[2].envelope.payload.data.transcript.total_items, 2)
    socket.terminate()
    const again = await post(
      second.url + workersPath,
      { display_name: "Kept", initial_input: { kind: "user", content: "hello" } },
      key
    )
    assert.deepStrictEqual([again.status, again.headers.get("idempotent-replayed")], [201, "true"])
    assert.strictEqual(again.body.worker.worker_id, kept)
    assert.strictEqual((await post(second.url + workerPath(kept, "/input"), { content: "still here?" })).status, 200)
    await until(second.url, kept, "idle")
    assert.strictEqual((await get(second.url + workerPath(kept, "/transcript"))).body.transcript.total_items, 4)
    assert.strictEqual((await second.stop()).code, 0)
  })

  it("after a kill in the middle of work has lost nothing that was acknowledged, and says what was cut off", async () => {
    const first = await start({ folder: folder() })
    const busy = await create(first.url, { initial_input: { kind: "user", content: "/wait 60000 never said" } })
    const workers = await Promise.all(Array.from({ length: 8 }, () => create(first.url)))
    const acknowledged: Array<{ readonly worker: string; readonly sequence: number; readonly content: string }> = []
    let dead = false
    const talk = async (worker: string, turn: number): Promise<void> => {
      if (dead) return
      const content = `${worker} ${turn}`
      const answer = await post(first.url + workerPath(worker, "/input"), { content }).catch(() => undefined)
      if (answer?.status === 200) acknowledged.push({ worker, content, sequence: answer.body.ack.transcript_sequence })
      return answer === undefined ? undefined : talk(worker, turn + 1)
    }
    const talking = workers.map((worker) => talk(worker, 0))
    const enough = async (): Promise<void> => {
      await get(`${first.url}/livez`)
      return acknowledged.length < 40 ? enough() : undefined
    }
    await enough()
    first.kill("SIGKILL")
    dead = true
    await Promise.all(talking)
    assert.strictEqual((await first.ended).signal, "SIGKILL")

    const second = await start({ folder: first.folder })
    assert.strictEqual(second.written.stderr, "")
    const transcripts = new Map(
      await Promise.all(
        workers.map(async (worker) => {
          const { items } = (await get(second.url + workerPath(worker, "/transcript"))).body.transcript
          return [worker, items] as const
        })
      )
    )
    assert.isAtLeast(acknowledged.length, 40)
    for (const { content, sequence, worker } of acknowledged) {
      const { role, content: kept } = transcripts.get(worker)![sequence - 1]
      assert.deepStrictEqual({ role, kept }, { role: "user", kept: content })
    }
    const { closed, frames, socket, until: seen } = await watch(second.url + workerPath(busy, "/events/ws"))
    await seen(isEvent("snapshot"))
    assert.notStrictEqual(frames[1].envelope.payload.data.state, "busy")
    socket.close()
    await closed
    const { state } = (await get(second.url + workerPath(busy))).body.worker
    assert.include(["idle", "errored"], state)
    assert.strictEqual((await get(second.url + workerPath(busy, "/transcript"))).body.transcript.total_items, 1)
    assert.strictEqual((await post(second.url + workerPath(busy, "/input"), { content: "go on" })).status, 200)
    assert.strictEqual((await second.stop()).code, 0)
  })
})
