/** The kind `ssh`: what keeps it from its runtime has a name each, and what is written in a connection stays data. */
import { chmodSync, readdirSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Scope } from "effect"
import type { Problem } from "../../src/domain/Problem.ts"
import type { RuntimeSource } from "../../src/domain/RuntimeSource.ts"
import * as BackendProcess from "../backend/BackendProcess.ts"
import * as Server from "../settings/SettingsServer.ts"
import { root as settings } from "../settings/SettingsServer.ts"
import * as RuntimeProcess from "../support/RuntimeProcess.ts"
import * as SshServers from "../support/SshServers.ts"
import { token, tunnelsOf, world } from "./SshWorld.ts"

/** What a call says once the attempt that runs is over. */
const outcome = (source: RuntimeSource["Service"]) =>
  Effect.retry(source.describe, { while: ({ context }: Problem) => context.reason === "tunnel_starting" }).pipe(
    Effect.match({
      onFailure: ({ _tag, context }) => `${_tag}.${context.reason}`,
      onSuccess: ({ status }) => status as string
    })
  )

const until = (holds: () => boolean) =>
  Effect.gen(function* () {
    while (!holds()) yield* Effect.sleep(5)
  })

const servers: ReadonlyArray<readonly [name: string, make: SshServers.Make, skip: boolean]> = [
  ["ssh2", SshServers.inProcess, SshServers.ssh === undefined],
  ["sshd", SshServers.ofSystem, SshServers.ssh === undefined || SshServers.sshd === undefined]
]

describe.each(servers)("a runtime over SSH, before %s", (_name, make, skip) => {
  const test = it.live.skipIf(skip)

  test("is one login for all calls, and none is left when the connection ends", () =>
    Effect.gen(function* () {
      const runtime = yield* RuntimeProcess.make({ token })
      const { connect, server } = yield* world(make, runtime.port)
      const before = tunnelsOf().length
      const scope = yield* Scope.make()
      const source = yield* Scope.provide(connect(), scope)
      yield* Effect.all(
        Array.from({ length: 20 }, () => source.describe),
        { concurrency: 20 }
      )
      assert.deepStrictEqual([server.logins(), tunnelsOf().length - before], [1, 1])
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual(tunnelsOf().length, before)
    }).pipe(Effect.scoped))

  test("says of each thing in the way what it is, and gives away nothing", () =>
    Effect.gen(function* () {
      const runtime = yield* RuntimeProcess.make({ token })
      const { connect, identity, knownHosts, proxy, server } = yield* world(make, runtime.port)
      const other = yield* SshServers.identity
      const readable = join(other.folder, "readable")
      writeFileSync(readable, SshServers.keyPair().private)
      chmodSync(readable, 0o644)
      const rotten = join(other.folder, "rotten")
      writeFileSync(rotten, "no key at all\n", { mode: 0o600 })
      const elsewhere = SshServers.keyPair().public.split(" ").slice(0, 2).join(" ")
      const closed = yield* Effect.scoped(Effect.map(RuntimeProcess.make(), ({ port }) => port))
      const cases: ReadonlyArray<readonly [outcome: string, options: Record<string, string | number>]> = [
        ["running", {}],
        ["running", { known_hosts: `# ours\n${knownHosts()}\n` }],
        ["host_key_refused.host_key_changed", { known_hosts: knownHosts(proxy.port, elsewhere) }],
        ["host_key_refused.host_key_unknown", { known_hosts: knownHosts(1, server.hostKey) }],
        ["runtime_auth_failed.login_refused", { identity_ref: `file:${other.path}` }],
        ["secret_unresolvable.readable_by_others", { identity_ref: `file:${readable}` }],
        ["secret_unresolvable.not_set", { identity_ref: `file:${identity.folder}/nothing` }],
        ["secret_unresolvable.unreadable", { identity_ref: `file:${identity.folder}` }],
        ["secret_unresolvable.unreadable", { identity_ref: `file:${rotten}` }],
        ["runtime_unreachable.refused", { runtime_port: closed }]
      ]
      for (const [expected, options] of cases) {
        const source = yield* connect(options)
        assert.strictEqual(yield* outcome(source), expected, JSON.stringify(options))
        const problem = yield* Effect.flip(Effect.andThen(source.describe, Effect.fail("fine" as const)))
        for (const hidden of [identity.folder, other.folder, "127.0.0.1", String(proxy.port), elsewhere]) {
          assert.notInclude(JSON.stringify(problem), hidden)
        }
      }
      yield* server.allowForwarding(false)
      assert.strictEqual(yield* outcome(yield* connect()), "operation_unsupported.forward_refused")
      yield* proxy.set({ _tag: "refuse" })
      assert.strictEqual(yield* outcome(yield* connect()), "runtime_unreachable.refused")
    }).pipe(Effect.scoped))

  test("comes back by itself when its tunnel is ended", () =>
    Effect.gen(function* () {
      const runtime = yield* RuntimeProcess.make({ token })
      const { connect, server } = yield* world(make, runtime.port)
      const before = new Set(tunnelsOf())
      const source = yield* connect()
      assert.strictEqual(yield* outcome(source), "running")
      const tunnel = tunnelsOf().find((pid) => !before.has(pid))
      process.kill(tunnel!, "SIGKILL")
      // A call that was on its way is lost with the tunnel; whoever asks again is answered.
      assert.strictEqual((yield* Effect.eventually(source.describe)).status, "running")
      assert.strictEqual(server.logins(), 2)
    }).pipe(Effect.scoped))

  test("goes through a jump host, of which the key counts as well", () =>
    Effect.gen(function* () {
      const runtime = yield* RuntimeProcess.make({ token })
      const { connect, entry, knownHosts, proxy, server } = yield* world(make, runtime.port)
      const { user } = entry().options
      const jump = `${user}@127.0.0.1:${proxy.port}`
      const known_hosts = `${knownHosts()}\n${knownHosts(server.port)}\n`
      const source = yield* connect({ jump, port: server.port, known_hosts })
      assert.strictEqual(yield* outcome(source), "running")
      assert.strictEqual(server.logins(), 2)
      const strange = yield* connect({ jump, port: server.port, known_hosts: knownHosts(server.port) })
      assert.strictEqual(yield* outcome(strange), "host_key_refused.host_key_unknown")
    }).pipe(Effect.scoped))
})

const unlessSsh = it.live.skipIf(SshServers.ssh === undefined)

describe("the connections of the kind ssh", () => {
  const refused: ReadonlyArray<readonly [member: string, value: unknown]> = [
    ["host", "-oProxyCommand=touch"],
    ["host", "host\nProxyCommand touch"],
    ["host", "host;touch"],
    ["host", "user@host"],
    ["host", '"'],
    ["host", "%h"],
    ["user", "-l"],
    ["user", "root;touch"],
    ["user", 'root"'],
    ["user", "${HOME}"],
    ["jump", "-W"],
    ["jump", "a,b"],
    ["jump", "-oProxyCommand=touch@host"],
    ["jump", "host:99999999"],
    ["port", 0],
    ["port", "22"],
    ["runtime_host", "/var/run/docker.sock"],
    ["runtime_host", "-D"],
    ["identity_ref", "file:relative"],
    ["identity_ref", 'file:/a"\nProxyCommand touch'],
    ["identity_ref", "file:/a/%d/b"],
    ["identity_ref", "file:/a/${HOME}"],
    ["identity_ref", "-----BEGIN OPENSSH PRIVATE KEY-----"],
    ["known_hosts", ""],
    ["known_hosts", "# only a comment"],
    ["known_hosts", "host ssh-ed25519 AAAA\u0000"],
    ["proxy_command", "touch"]
  ]

  it.live("are refused where an option could be more than itself, and the member is named", () =>
    Effect.gen(function* () {
      const { entry, kind } = yield* world(SshServers.inProcess, 1)
      yield* kind.check(entry())
      for (const [member, value] of refused) {
        const checked = yield* Effect.result(kind.check(entry({ [member]: value as string })))
        assert.strictEqual(checked._tag, "Failure", `${member}: ${value}`)
        if (checked._tag === "Success") continue
        const problem = checked.failure
        const [error] = problem.context.errors ?? []
        assert.strictEqual(error?.pointer, `/options/${member}`, String(value))
        if (String(value).length > 2) assert.notInclude(JSON.stringify(problem), String(value))
      }
    }).pipe(Effect.scoped)
  )

  unlessSsh("obey the egress policy, and know port 22 as their own", () =>
    Effect.gen(function* () {
      const denied = yield* world(SshServers.inProcess, 1, { policy: { deny: ["127.0.0.0/8"] } })
      const problem = yield* Effect.flip(denied.connect())
      assert.deepStrictEqual([problem._tag, problem.context.reason], ["egress_refused", "denied"])
      const metadata = yield* Effect.flip(denied.connect({ host: "169.254.169.254" }))
      assert.strictEqual(metadata._tag, "egress_refused")
      const open = yield* world(SshServers.inProcess, 1)
      yield* open.connect({ port: 22 })
      const listed = yield* world(SshServers.inProcess, 1, { policy: { ports: [2222] } })
      assert.strictEqual((yield* Effect.flip(listed.connect({ port: 22 }))).context.reason, "port_refused")
    }).pipe(Effect.scoped)
  )

  unlessSsh("are made in the settings, tested step by step, and host workers", () =>
    Effect.gen(function* () {
      const runtime = yield* RuntimeProcess.make()
      const { entry, knownHosts } = yield* world(SshServers.inProcess, runtime.port)
      const { identity_ref, ...options } = entry().options
      const connection = { id: "far", kind: "ssh", options: { ...options, identity_ref } }
      const { add, call } = yield* Server.fresh(
        `[[runtimes.source]]\nid = "far"\nkind = "ssh"\n[runtimes.source.options]\n${Object.entries(connection.options)
          .map(([name, value]) => `${name} = ${JSON.stringify(value)}`)
          .join("\n")}\n`
      )
      const kinds = yield* call("GET", `${settings}/kinds`)
      const kind = kinds.body.kinds.find((it: Server.Body) => it.kind === "ssh")
      for (const option of Object.values<Server.Body>(kind.options_schema.properties)) {
        assert.match(option.title, /\w/)
        assert.match(option.description, /\w/)
      }
      assert.include(kind.secret_fields, "identity_ref")
      const made = yield* call("POST", "/api/runtimes/far/workers", { body: {} })
      assert.deepStrictEqual([made.status, made.body.worker?.kind], [201, "ssh"], made.text)
      const tested = yield* call("POST", `${settings}/far/test`)
      const steps = (report: Server.Body) => report.steps.map((it: Server.Body) => `${it.step} ${it.status}`).join()
      assert.match(steps(tested.body), /policy pass,url skip,dns pass,tcp pass,tls pass,http pass/)
      assert.isTrue(tested.body.compatible, tested.text)

      // Through the API alone, a key may only be named where secrets are kept.
      const anywhere = yield* add({ ...connection, id: "other" })
      assert.strictEqual(anywhere.status, 400, anywhere.text)
      assert.strictEqual(anywhere.body.errors[0].pointer, "/options/identity_ref")

      const strange = { ...options, known_hosts: knownHosts(1) }
      const draft = yield* call("POST", `${settings}/test`, { body: { id: "new", kind: "ssh", options: strange } })
      const failed = draft.body.steps.find((it: Server.Body) => it.status === "fail")
      assert.deepStrictEqual([failed.step, failed.code], ["tls", "host_key_refused.host_key_unknown"], draft.text)
      assert.match(failed.fix, /administrator/)
      const changed = yield* add({ id: "new", kind: "ssh", options: strange }, "?apply=true")
      assert.strictEqual(changed.status, 201, changed.text)
      const call502 = call("GET", "/api/runtimes/new/workers")
      const answer = yield* Effect.repeat(call502, { until: ({ body }) => body.reason !== "tunnel_starting" })
      assert.deepStrictEqual([answer.status, answer.body.code], [502, "host_key_refused"], answer.text)
    }).pipe(Effect.scoped)
  )

  unlessSsh("leave no ssh behind when the backend is killed", () =>
    Effect.gen(function* () {
      const runtime = yield* RuntimeProcess.make()
      const { entry, identity } = yield* world(SshServers.inProcess, runtime.port)
      const lines = Object.entries(entry().options).map(([name, value]) => `${name} = ${JSON.stringify(value)}`)
      const config = `[[runtimes.source]]\nid = "far"\nkind = "ssh"\n[runtimes.source.options]\n${lines.join("\n")}\n`
      const backend = yield* Effect.promise(() => BackendProcess.start({ config, env: { TMPDIR: identity.folder } }))
      yield* Effect.addFinalizer(() => Effect.sync(() => BackendProcess.removeFolder(backend.folder)))
      const made = Server.send(backend.url)("POST", "/api/runtimes/far/workers", { body: {} })
      yield* Effect.repeat(made, { until: ({ status }) => status === 201 })
      const tunnels = tunnelsOf(backend.pid)
      assert.strictEqual(tunnels.length, 1)
      backend.kill("SIGKILL")
      yield* Effect.promise(() => backend.ended)
      yield* until(() => {
        try {
          process.kill(tunnels[0]!, 0)
          return false
        } catch {
          return true
        }
      })
    }).pipe(Effect.scoped)
  )

  unlessSsh("leave no folder behind when they end", () =>
    Effect.gen(function* () {
      const folders = () => readdirSync(tmpdir()).filter((name) => name.startsWith("yoi-ssh-")).length
      const runtime = yield* RuntimeProcess.make({ token })
      const { connect } = yield* world(SshServers.inProcess, runtime.port)
      const before = folders()
      yield* Effect.scoped(Effect.flatMap(connect(), (source) => source.describe))
      assert.isAtMost(folders(), before)
    }).pipe(Effect.scoped)
  )
})
