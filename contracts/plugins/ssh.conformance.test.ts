/** The kind `ssh` keeps every promise of the port, through an SSH server and connections that break. */
import { afterAll, beforeAll, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { suite, type Subject } from "../../src/domain/conformance/Conformance.ts"
import { hidden, hold } from "../conformance/Laboratory.ts"
import * as RuntimeProcess from "../support/RuntimeProcess.ts"
import * as SshServers from "../support/SshServers.ts"
import { token, world, wrongToken } from "./SshWorld.ts"

const gauge = /^yoi_open_streams(?:\{[^}]*\})? ([0-9]+)$/m

const subject = (make: SshServers.Make) =>
  Effect.gen(function* () {
    const runtime = yield* RuntimeProcess.make({ token, persistent: true })
    const { connect, identity, proxy } = yield* world(make, runtime.port)
    const nowhere = yield* world(make, runtime.port)
    yield* nowhere.proxy.set({ _tag: "refuse" })
    return {
      name: "the ssh kind",
      connect: connect(),
      credential: { kind: "token", bad: connect({}, "test:wrong") },
      hidden: [
        hidden("the token", token),
        hidden("the wrong token", wrongToken),
        hidden("the identity", identity.path),
        hidden("the address", `127.0.0.1:${proxy.port}`),
        hidden("the runtime's address", `127.0.0.1:${runtime.port}`)
      ],
      hold,
      unreachable: nowhere.connect(),
      cut: proxy.cut,
      openStreams: Effect.promise((signal) =>
        fetch(`http://127.0.0.1:${runtime.port}/metrics`, { headers: { authorization: `Bearer ${token}` }, signal })
          .then((response) => response.text())
          .then((text) => Number(gauge.exec(text)?.[1]))
      ),
      restart: runtime.restart("SIGKILL")
    } satisfies Subject
  })

const runner = { afterAll, beforeAll, describe, it }

// One server is enough for the kit, since a login for each case takes its time: the real one where there is one.
const server =
  SshServers.sshd === undefined
    ? { name: "ssh2", make: SshServers.inProcess }
    : { name: "sshd", make: SshServers.ofSystem }

describe.skipIf(SshServers.ssh === undefined)("with the system's ssh", () => {
  suite(runner, `the ssh kind before ${server.name}`, subject(server.make), { tier: "durable" })
})
