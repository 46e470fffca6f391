/**
 * One `ssh` that listens on a socket of this machine and forwards what connects there. The way to the host is dialled here
 * and handed to it as its standard input and output: with this process it loses that, and ends.
 */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process"
import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs"
import type { Socket } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Deferred, Effect, Exit, Option } from "effect"
import * as Problem from "../../domain/Problem.ts"
import { unresolvable } from "../../domain/SecretResolver.ts"
import { connectLocal, type Up } from "../egress/Carrier.ts"
import { discard } from "../egress/EgressDial.ts"
import type { EgressFailure } from "../egress/EgressFailure.ts"
import type { Dialer } from "../egress/EgressTarget.ts"
import * as SshConfig from "./SshConfig.ts"
import * as SshFailure from "./SshFailure.ts"
import { bracketed, type Place } from "./SshText.ts"

/** From the connection to the forwarding: the keys, the login. In milliseconds. */
export const loginMs = 10_000

/** How often it is looked whether the login is over, in milliseconds: ssh says nothing, but then it listens. */
const pollMs = 10

/** A peer behind the tunnel that has not answered for so long, in milliseconds, is at least not refused. */
const probeMs = 3_000

/** `ssh` ends at once when it is asked to; in milliseconds. */
const endMs = 2_000

/** Of what ssh says the last so many UTF-16 units are looked at. */
const maxWords = 8_192

export interface Options {
  /** The way to `place`. */
  readonly dial: Dialer
  readonly place: Place
  /** File of the private key; absent = the agent of the environment. */
  readonly identity: string | undefined
  /** Text of a known_hosts file. */
  readonly knownHosts: string
  /** What connections are forwarded to, as the host sees it. */
  readonly forward: { readonly host: string; readonly port: number }
  /** Set where the peer speaks first, as an SSH server does: it is not spoken to. */
  readonly speaksFirst?: boolean
  readonly problemOf: (failure: EgressFailure) => Problem.Problem
}

/** Sent once to see whether the host makes the connection; any answer does. */
const probe = ({ host, port }: Options["forward"]) =>
  `GET / HTTP/1.1\r\nHost: ${bracketed(host)}:${port}\r\nConnection: close\r\n\r\n`

/** Who else may read a private key decides who the backend is. */
const readableByOthers = 0o077

const checkIdentity = (path: string) =>
  Effect.try({
    try: () => statSync(path),
    catch: () => unresolvable("not_set")
  }).pipe(
    Effect.flatMap((found) => {
      if (!found.isFile()) return Effect.fail(unresolvable("unreadable"))
      return (found.mode & readableByOthers) === 0 ? Effect.void : Effect.fail(unresolvable("readable_by_others"))
    })
  )

/** A folder of this user alone: whoever could open the socket in it would be on the other host. */
const folder = Effect.acquireRelease(
  Effect.try({
    try: () => {
      const path = mkdtempSync(join(tmpdir(), "yoi-ssh-"))
      chmodSync(path, 0o700)
      return path
    },
    catch: () => SshFailure.noFolder
  }),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
)

const end = (child: ChildProcessWithoutNullStreams) =>
  Effect.callback<void>((resume) => {
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return resume(Effect.void)
    const timer = setTimeout(() => child.kill("SIGKILL"), endMs)
    child.once("exit", () => {
      clearTimeout(timer)
      resume(Effect.void)
    })
    child.kill("SIGTERM")
  })

/** Only what ssh needs of the environment; the agent only when it is the one to log in. */
const environment = (identity: string | undefined): Record<string, string | undefined> => ({
  PATH: process.env["PATH"],
  HOME: process.env["HOME"],
  LC_ALL: "C",
  ...(identity === undefined ? { SSH_AUTH_SOCK: process.env["SSH_AUTH_SOCK"] } : undefined)
})

const start = (config: string, identity: string | undefined) =>
  Effect.sync(() => {
    const child = spawn("ssh", ["-F", config, "-N", "-T", "--", SshConfig.alias], {
      // Of a session of its own: no terminal to ask at, and no signal that was meant for the backend.
      detached: true,
      shell: false,
      env: environment(identity),
      stdio: ["pipe", "pipe", "pipe"]
    })
    for (const stream of [child, child.stdin, child.stdout, child.stderr]) stream.on("error", () => undefined)
    return child
  })

const connectBoth = (way: Socket, child: ChildProcessWithoutNullStreams) => {
  way.on("error", () => undefined)
  way.on("close", () => {
    child.stdin.destroy()
    // What nobody reads would keep its end from being seen.
    child.stdout.unpipe(way).resume()
  })
  way.pipe(child.stdin)
  child.stdout.pipe(way)
}

/** Whether the peer is there; a peer that takes the connection and says nothing is. */
const answers = (socket: Socket, { forward, speaksFirst }: Options) =>
  Effect.callback<boolean>((resume) => {
    socket.once("data", () => resume(Effect.succeed(true)))
    socket.once("close", () => resume(Effect.succeed(false)))
    socket.on("error", () => undefined)
    if (speaksFirst !== true) socket.write(probe(forward))
  }).pipe(
    Effect.timeoutOption(probeMs),
    Effect.map(Option.getOrElse(() => true)),
    Effect.ensuring(Effect.sync(() => discard(socket)))
  )

/** Forwards once this succeeds; ends with the scope. */
export const open = Effect.fnUntraced(function* (options: Options) {
  const { dial, forward, identity, knownHosts, place, problemOf } = options
  if (identity !== undefined) yield* checkIdentity(identity)
  const home = yield* folder
  const [config, hosts, socket] = ["config", "known_hosts", "s"].map((name) => join(home, name)) as [
    string,
    string,
    string
  ]
  yield* Effect.try({
    try: () => {
      const target = `${bracketed(forward.host)}:${forward.port}`
      writeFileSync(hosts, `${knownHosts}\n`, { mode: 0o600 })
      writeFileSync(config, SshConfig.text({ place, identity, knownHosts: hosts, socket, forward: target }), {
        mode: 0o600
      })
    },
    catch: () => SshFailure.noFolder
  })
  const way = yield* Effect.acquireRelease(dial({ socket: undefined }), (it) => Effect.sync(() => discard(it)), {
    interruptible: true
  }).pipe(Effect.mapError(problemOf))

  const child = yield* Effect.acquireRelease(start(config, identity), end)
  connectBoth(way, child)
  const ended = Deferred.makeUnsafe<Problem.Problem>()
  let words = ""
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    words = (words + text).slice(-maxWords)
    // Without the peer the tunnel leads nowhere: it is opened again when the peer is back.
    if (SshFailure.isNotMade(words)) Deferred.doneUnsafe(ended, Exit.succeed(SshFailure.problemOf(words)))
  })
  child.once("error", () => Deferred.doneUnsafe(ended, Exit.succeed(SshFailure.missing)))
  child.once("close", () => Deferred.doneUnsafe(ended, Exit.succeed(SshFailure.problemOf(words))))

  const through: Dialer = (held) => connectLocal({ path: socket }, held)
  const listens = Effect.gen(function* () {
    while (true) {
      const made = yield* Effect.option(through({ socket: undefined }))
      if (Option.isSome(made)) return made.value
      yield* Effect.sleep(pollMs)
    }
  })
  const failed = Effect.flatMap(Deferred.await(ended), Effect.fail)
  const first = yield* Effect.raceFirst(listens, failed).pipe(
    Effect.timeoutOrElse({
      duration: loginMs,
      orElse: () =>
        Problem.fail("runtime_timeout", "The SSH login at the host was not over in time.", { reason: "login_late" })
    })
  )
  const peer = yield* answers(first, options)
  // The host's refusal is written to standard error, which may be read after the connection's end.
  if (!peer) yield* Effect.timeoutOption(failed, pollMs * 10)
  return { dial: through, ended: Deferred.await(ended) } satisfies Up
})
