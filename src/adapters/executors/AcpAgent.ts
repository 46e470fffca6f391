/** A running agent: its process, the connection to it, and the one session in it. */
import * as acp from "@agentclientprotocol/sdk"
import { Deferred, Effect, Exit } from "effect"
import type { AcpProfile } from "../../domain/ProfileDeclaration.ts"
import type { WorkerEvent } from "../../domain/WorkerEvent.ts"
import type { RunFailure } from "../../domain/WorkerExecutor.ts"
import * as AcpChannel from "./AcpChannel.ts"
import * as AcpFiles from "./AcpFiles.ts"
import { AcpPermissions } from "./AcpPermissions.ts"
import * as ChildGroup from "./ChildGroup.ts"

/** What hears the agent during a turn. */
export interface Listener {
  readonly update: (update: acp.SessionUpdate) => void
  /** A person is about to be asked about the call. */
  readonly asked: (call: acp.ToolCallUpdate) => void
  readonly tell: (event: WorkerEvent) => void
}

export interface AcpAgent {
  readonly group: ChildGroup.ChildGroup
  readonly session_id: string
  readonly permissions: AcpPermissions
  /** Never succeeds: fails when the agent has ended or had to be given up. */
  readonly broken: Effect.Effect<never, RunFailure>
  readonly isBroken: () => boolean
  /** Starts the count of a turn and sends what is told from now on to the listener; undefined = nobody listens. */
  readonly listen: (listener: Listener | undefined) => void
  readonly prompt: (text: string) => Effect.Effect<acp.StopReason, RunFailure>
  /** Asks the agent to end the turn. */
  readonly cancel: Effect.Effect<void>
}

/** Ids of sessions are kept with the worker. */
const maxSessionId = 1_000

const m = acp.methods

/** A refusal by the agent, without its text: that may hold anything. */
const failed = (doing: string): RunFailure => ({
  code: "agent_failed",
  message: `The agent answered with an error when it was asked to ${doing}.`
})

const mute: RunFailure = { code: "agent_closed", message: "The agent closed its connection and was ended." }

/** The agent asks for what the profile or the working folder does not give: it is told so, and goes on. */
const answering = <A>(act: () => A): A => {
  try {
    return act()
  } catch (error) {
    throw error instanceof AcpFiles.FileRefused ? new acp.RequestError(-32_602, error.message) : error
  }
}

const client = (
  declared: AcpProfile,
  folder: string,
  permissions: AcpPermissions,
  listener: () => Listener | undefined,
  run: <A>(effect: Effect.Effect<A>) => Promise<A>
) => {
  const app = acp
    .client({ name: "yoi-workspace" })
    .onNotification(m.client.session.update, ({ params }) => listener()?.update(params.update))
    .onRequest(m.client.session.requestPermission, ({ params }) => {
      const heard = listener()
      heard?.asked(params.toolCall)
      return run(Effect.map(permissions.ask(params, heard?.tell), (outcome) => ({ outcome })))
    })
  if (declared.files !== "none") {
    app.onRequest(m.client.fs.readTextFile, ({ params }) => ({
      content: answering(() => AcpFiles.read(folder, params.path, params.line, params.limit))
    }))
  }
  if (declared.files === "write") {
    app.onRequest(m.client.fs.writeTextFile, ({ params }) => {
      answering(() => AcpFiles.write(folder, params.path, params.content))
      return {}
    })
  }
  return app
}

/**
 * Starts the agent and brings its session up; both end with the scope.
 *
 * @param session_id of an earlier session, which is loaded
 */
export const start = Effect.fnUntraced(function* (
  declared: AcpProfile,
  launch: ChildGroup.Launch,
  session_id: string | undefined
) {
  const run = Effect.runPromiseWith(yield* Effect.context<never>())
  const group = yield* ChildGroup.launch(launch)
  const broken = Deferred.makeUnsafe<never, RunFailure>()
  let isBroken = false
  const give = (failure: RunFailure) => {
    isBroken = true
    Deferred.doneUnsafe(broken, Exit.fail(failure))
  }
  yield* Effect.forkScoped(Effect.map(group.ended, (ended) => give(group.crash(ended))))
  const channel = AcpChannel.make(group, declared.limits, give)
  const permissions = new AcpPermissions(declared)
  let listener: Listener | undefined
  let updates = 0
  const hearing = () => {
    updates++
    return listener
  }
  const connection = yield* Effect.acquireRelease(
    Effect.sync(() => client(declared, launch.folder, permissions, hearing, run).connect(channel.stream)),
    (it) => Effect.sync(() => it.close())
  )
  const ask = <A>(doing: string, request: () => Promise<A>): Effect.Effect<A, RunFailure> =>
    Effect.raceFirst(
      Effect.tryPromise({ try: request, catch: () => failed(doing) }).pipe(
        // The connection closes a moment before the end of the process is known, and that says more.
        Effect.catch((failure) =>
          Effect.andThen(Effect.sleep(connection.signal.aborted ? endMs : 0), Effect.fail(failure))
        )
      ),
      Deferred.await(broken)
    )
  // An agent that has closed its output and lives on can never answer again.
  const closed = Effect.callback<void>((resume) => {
    const tell = () => resume(Effect.void)
    if (connection.signal.aborted) return tell()
    connection.signal.addEventListener("abort", tell, { once: true })
  })
  yield* Effect.forkScoped(
    closed.pipe(Effect.andThen(Effect.sleep(endMs)), Effect.andThen(Effect.sync(() => give(mute))))
  )
  const { agent } = connection

  const bring = Effect.gen(function* () {
    const { agentCapabilities, protocolVersion } = yield* ask<acp.InitializeResponse>("start", () =>
      agent.request(m.agent.initialize, {
        protocolVersion: acp.PROTOCOL_VERSION,
        clientCapabilities: {
          fs: { readTextFile: declared.files !== "none", writeTextFile: declared.files === "write" },
          terminal: false
        },
        clientInfo: { name: "yoi-workspace", version: "0.1.0" }
      })
    )
    if (protocolVersion !== acp.PROTOCOL_VERSION) {
      return yield* Effect.fail({
        code: "agent_incompatible",
        message: "The agent speaks another version of the protocol."
      })
    }
    const where = { cwd: launch.folder, mcpServers: [] }
    if (session_id === undefined) {
      return (yield* ask<acp.NewSessionResponse>("open a session", () => agent.request(m.agent.session.new, where)))
        .sessionId
    }
    if (agentCapabilities?.loadSession !== true) {
      return yield* Effect.fail({
        code: "agent_cannot_resume",
        message: "This agent cannot take up an earlier session."
      })
    }
    yield* ask<acp.LoadSessionResponse>("take up its session", () =>
      agent.request(m.agent.session.load, { ...where, sessionId: session_id })
    )
    // Some tell the past only after they have answered: it must not become part of the next turn.
    for (let waited = 0, before = -1; before !== updates && waited < maxPastMs; waited += pastQuietMs) {
      before = updates
      yield* Effect.sleep(pastQuietMs)
    }
    return session_id
  })
  const id = yield* Effect.timeoutOrElse(bring, {
    duration: declared.limits.start_ms,
    orElse: () =>
      Effect.fail({ code: "agent_late", message: `The agent was not ready within ${declared.limits.start_ms} ms.` })
  })
  if (id.length > maxSessionId) return yield* Effect.fail(failed("open a session"))

  return {
    group,
    session_id: id,
    permissions,
    broken: Deferred.await(broken),
    isBroken: () => isBroken,
    listen: (next) => {
      listener = next
      channel.begin()
      if (next === undefined) group.rest()
      else group.begin()
    },
    prompt: (text) =>
      Effect.map(
        ask<acp.PromptResponse>("answer", () =>
          agent.request(m.agent.session.prompt, { sessionId: id, prompt: [{ type: "text", text }] })
        ),
        ({ stopReason }) => stopReason
      ),
    cancel: Effect.ignore(Effect.tryPromise(() => agent.notify(m.agent.session.cancel, { sessionId: id })))
  } satisfies AcpAgent
})

/** The past of a session that was taken up has been told after so much silence, and is waited for so long, in milliseconds. */
const pastQuietMs = 200
const maxPastMs = 5_000

/** Between the end of a connection and that of its process, in milliseconds. */
const endMs = 1_000
