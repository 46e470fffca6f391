/** SSH servers on loopback: one in this process from the registry, and the system's own where there is one. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process"
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { connect, createServer, type Socket } from "node:net"
import { tmpdir, userInfo } from "node:os"
import { delimiter, join } from "node:path"
import { Effect, type Scope } from "effect"
import ssh2, { type Client, type KeyPair } from "ssh2"

/** One of some hundred keys that the package makes is too short to be one (a leading zero is lost): then another is made. */
export const keyPair = (): KeyPair => {
  const pair = ssh2.utils.generateKeyPairSync("ed25519")
  return ssh2.utils.parseKey(pair.public) instanceof Error ? keyPair() : pair
}

const publicKeyOf = (text: string): Buffer => {
  const key = ssh2.utils.parseKey(text)
  if (key instanceof Error) throw key
  return key.getPublicSSH()
}

/** A folder with an identity in it that nobody else can read. */
export const identity = Effect.map(
  Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "ssh-identity-"))),
    (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
  ),
  (folder) => {
    const pair = keyPair()
    const path = join(folder, "id_ed25519")
    writeFileSync(path, pair.private, { mode: 0o600 })
    return { folder, path, public: pair.public }
  }
)

export interface SshServer {
  readonly port: number
  /** Type and key, as in a known_hosts file after the host. */
  readonly hostKey: string
  /** Whether connections to other places are made from now on. */
  readonly allowForwarding: (allowed: boolean) => Effect.Effect<void>
  /** Logins so far. */
  readonly logins: () => number
}

export type Make = (authorized: string) => Effect.Effect<SshServer, never, Scope.Scope>

const hostKeyOf = (publicKey: string) => publicKey.split(" ").slice(0, 2).join(" ")

export const inProcess: Make = (authorized) =>
  Effect.gen(function* () {
    const host = keyPair()
    const allowed = publicKeyOf(authorized)
    const sockets = new Set<Socket>()
    const clients = new Set<Client>()
    let forwards = true
    let logins = 0
    const server = new ssh2.Server({ hostKeys: [host.private] }, (client) => {
      clients.add(client)
      client
        .on("authentication", (login) =>
          login.method === "publickey" && login.key?.data.equals(allowed) === true ? login.accept() : login.reject()
        )
        .on("ready", () => void (logins += 1))
        .on("error", () => undefined)
        .on("close", () => clients.delete(client))
      // Without a listener the package answers that it is administratively prohibited.
      if (!forwards) return
      client.on("tcpip", (accept, reject, { destIP, destPort }) => {
        const socket = connect(destPort, destIP)
        socket.once("error", () => reject())
        socket.once("connect", () => {
          const channel = accept()
          sockets.add(socket)
          socket.on("close", () => sockets.delete(socket))
          socket.on("error", () => undefined)
          channel.on("error", () => undefined)
          channel.on("close", () => socket.destroy())
          socket.pipe(channel)
          channel.pipe(socket)
        })
      })
    })
    yield* Effect.acquireRelease(
      Effect.callback<void>((resume) => server.listen(0, "127.0.0.1", () => resume(Effect.void))),
      () =>
        Effect.callback<void>((resume) => {
          for (const socket of sockets) socket.destroy()
          for (const client of clients) client.end()
          server.close(() => resume(Effect.void))
        })
    )
    return {
      port: server.address().port,
      hostKey: hostKeyOf(host.public),
      allowForwarding: (allow) => Effect.sync(() => void (forwards = allow)),
      logins: () => logins
    }
  })

const found = (program: string): string | undefined =>
  [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/usr/local/sbin"]
    .map((folder) => join(folder, program))
    .find((path) => existsSync(path))

/** Paths of the system's programs; undefined where it has none. */
export const ssh = found("ssh")
/** For root it needs a folder that only a system which means to run it has. */
export const sshd = userInfo().uid !== 0 || existsSync("/run/sshd") ? found("sshd") : undefined

const freePort = Effect.callback<number>((resume) => {
  const probe = createServer()
  probe.listen(0, "127.0.0.1", () => {
    const address = probe.address()
    probe.close(() => resume(Effect.succeed(typeof address === "object" && address !== null ? address.port : 0)))
  })
})

const listens = (port: number) =>
  Effect.callback<void, "not yet">((resume) => {
    const socket = connect(port, "127.0.0.1")
    socket.once("connect", () => {
      socket.destroy()
      resume(Effect.void)
    })
    socket.once("error", () => resume(Effect.fail("not yet" as const)))
  })

/** The system's `sshd` under a configuration of the test's own, which nobody but this user may log in to. */
export const ofSystem: Make = (authorized) =>
  Effect.gen(function* () {
    const { folder } = yield* identity
    const host = keyPair()
    const port = yield* freePort
    let log = ""
    let child: ChildProcess | undefined
    const start = (forwards: boolean) =>
      Effect.gen(function* () {
        writeFileSync(join(folder, "host"), host.private, { mode: 0o600 })
        writeFileSync(join(folder, "authorized"), `${authorized}\n`, { mode: 0o600 })
        writeFileSync(
          join(folder, "config"),
          [
            `Port ${port}`,
            "ListenAddress 127.0.0.1",
            `HostKey "${join(folder, "host")}"`,
            `AuthorizedKeysFile "${join(folder, "authorized")}"`,
            `AllowUsers ${userInfo().username}`,
            "PermitRootLogin prohibit-password",
            "PasswordAuthentication no",
            "UsePAM no",
            "StrictModes no",
            "PidFile none",
            "LogLevel VERBOSE",
            `AllowTcpForwarding ${forwards ? "yes" : "no"}`,
            ""
          ].join("\n")
        )
        child = spawn(sshd ?? "sshd", ["-D", "-e", "-f", join(folder, "config")], {
          detached: true,
          stdio: ["ignore", "ignore", "pipe"]
        })
        child.stderr?.on("data", (chunk: Buffer) => (log += chunk.toString()))
        yield* Effect.eventually(listens(port))
      })
    const stop = Effect.callback<void>((resume) => {
      if (child === undefined || child.exitCode !== null || child.signalCode !== null) return resume(Effect.void)
      const sessions = execFileSync("ps", ["-eo", "pid=,ppid="], { encoding: "utf8" })
        .split("\n")
        .map((line) => line.trim().split(/\s+/).map(Number))
        .filter(([, parent]) => parent === child?.pid)
      child.once("exit", () => resume(Effect.void))
      child.kill("SIGKILL")
      for (const [pid] of sessions) {
        try {
          if (pid !== undefined) process.kill(pid, "SIGKILL")
        } catch {
          // It has ended with its connection meanwhile.
        }
      }
    })
    yield* Effect.addFinalizer(() => stop)
    yield* start(true)
    return {
      port,
      hostKey: hostKeyOf(host.public),
      allowForwarding: (allow) =>
        Effect.gen(function* () {
          yield* stop
          yield* start(allow)
        }),
      logins: () => log.split("Accepted publickey").length - 1
    }
  })
