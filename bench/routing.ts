/**
 * Requests through the backend to a remote runtime, beside proxies that do nothing but pass on. The runtime behind all
 * of them says again what a real worker-runtime said, so that the one before it is what limits.
 */
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { alias, backend } from "./Backend.ts"
import { inTurns, type Settings } from "./Contest.ts"
import { halfLoad } from "./halfLoad.ts"
import { bodyOf, HttpLoad, once, request, statusOf } from "./HttpLoad.ts"
import * as Nginx from "./Nginx.ts"
import { contender, during, loadCores, product, type Running } from "./Process.ts"
import { cpuMicros, residentBytes, socketCount } from "./ProcStat.ts"
import { exactly, measured, number, type Part, type Table, within } from "./Report.ts"
import { quantile, ratio, spread } from "./Spread.ts"

const connections = 64
const worker = "worker-00000001"
const own = `/api/runtimes/${alias}/workers/${worker}`
const plain = `/v1/workers/${worker}`
/** Clients that hang up, in rounds of as many as there are connections. */
const abortRounds = 30
/** Of these, every second one hangs up while it still sends. */
const aborted = abortRounds * connections
const afterwards = 20

interface Turn {
  readonly rate: number
  readonly cpu: number
}

/** What a real worker-runtime answers. */
const record = async (runtime: Running): Promise<Record<string, string>> => {
  const ask = async (method: string, path: string, body?: string): Promise<string> => {
    const answer = await once(runtime.port, request(method, `127.0.0.1:${runtime.port}`, path, body), 10_000)
    if (answer === undefined || statusOf(answer) >= 300) throw new Error(`${path} was not answered`)
    return bodyOf(answer)
  }
  const body = JSON.stringify({ worker_id: worker, display_name: "A worker of the bench" })
  await ask("POST", "/v1/workers", body)
  for (let said = 0; said < 8; said++) {
    await ask(
      "POST",
      `${plain}/input`,
      JSON.stringify({ kind: "user", content: "why does the build fail again? ".repeat(60) })
    )
    while (!(await ask("GET", plain)).includes(`"run_state":"idle"`)) await sleep(20)
  }
  return {
    "/v1/runtime": await ask("GET", "/v1/runtime"),
    [plain]: await ask("GET", plain),
    [`${plain}/transcript`]: await ask("GET", `${plain}/transcript`)
  }
}

const pathOf = (name: string): string => (name.startsWith("backend") ? own : plain)

const get = ({ name, port }: Running, path = pathOf(name)): Buffer => request("GET", `127.0.0.1:${port}`, path)

const throughput = async (field: ReadonlyArray<Running>, { rounds, turnMs }: Settings) => {
  const loads = new Map(field.map((it) => [it.name, new HttpLoad(it.port, connections)]))
  const byName = new Map(field.map((it) => [it.name, it]))
  const found = await inTurns(
    field.map(({ name }) => name),
    rounds,
    async (name, round): Promise<Turn> => {
      const it = byName.get(name)!
      const bytes = get(it)
      const load = loads.get(name)!
      // Until the code is compiled; what is collected then says nothing either.
      if (round < 0) await load.run(turnMs * 2, () => bytes)
      if (round === 0 && it.program === "node") await it.figures("reset")
      const before = cpuMicros(it.pid)
      const { done, failed, seconds } = await load.run(turnMs, () => bytes)
      if (failed > 0) throw new Error(`${name} failed ${failed} of ${failed + done} requests`)
      return { rate: done / seconds, cpu: (cpuMicros(it.pid) - before) / done }
    }
  )
  for (const load of loads.values()) load.close()
  return found
}

const throughputTable = async (title: string, field: ReadonlyArray<Running>, found: Map<string, Array<Turn>>) => {
  const rates = (name: string) => found.get(name)!.map((it) => it.rate)
  const cpus = (name: string) => found.get(name)!.map((it) => it.cpu)
  const rows: Array<Array<string>> = []
  for (const it of field) {
    const gc = it.program === "node" ? await it.figures("figures") : undefined
    rows.push([
      it.name,
      number(spread(rates(it.name)).median),
      within(ratio(rates(it.name), rates("dispatch"))),
      number(spread(cpus(it.name)).median),
      within(ratio(cpus(it.name), cpus("dispatch"))),
      gc === undefined ? "–" : `${number(gc.minorMax)} / ${number(gc.minorTotal / Math.max(1, gc.minorCount))}`,
      number(residentBytes(it.pid) / 2 ** 20)
    ])
  }
  return {
    title,
    columns: ["proxy", "requests/s", "÷ dispatch", "CPU µs", "÷ dispatch", "minor GC max / mean ms", "RSS MiB"],
    rows
  } satisfies Table
}

/** What a proxy adds to the median time of a request when there is one connection. */
const unloaded = async (field: ReadonlyArray<Running>, upstream: Running, { rounds, turnMs }: Settings) => {
  const all = [...field, upstream]
  const loads = new Map(all.map((it) => [it.name, new HttpLoad(it.port, 1)]))
  const found = await inTurns(
    all.map(({ name }) => name),
    rounds,
    async (name) => {
      const bytes = get(all.find((it) => it.name === name)!)
      return quantile((await loads.get(name)!.run(turnMs / 2, () => bytes)).latencies, 0.5)
    }
  )
  for (const load of loads.values()) load.close()
  const direct = found.get(upstream.name)!
  const added = (name: string) => found.get(name)!.map((value, round) => value - direct[round]!)
  const table: Table = {
    title: "One connection: time that the proxy adds (p50, µs)",
    columns: ["proxy", "p50", "added", "added ÷ dispatch"],
    rows: [
      [upstream.name, number(spread(direct).median), "0", "–"],
      ...field.map(({ name }) => [
        name,
        number(spread(found.get(name)!).median),
        within(spread(added(name))),
        within(ratio(added(name), added("dispatch")))
      ])
    ]
  }
  return { table, added }
}

/** Clients that hang up in mid-answer, or in mid-request; then what still works. */
const storm = async (it: Running) => {
  const slow = get(it, `${pathOf(it.name)}/transcript?start=0&limit=16`)
  const half = request("POST", `127.0.0.1:${it.port}`, `${pathOf(it.name)}/input`, `{"content":"${"x".repeat(4_000)}"}`)
  await once(it.port, get(it), 5_000)
  const before = socketCount(it.pid)
  for (let round = 0; round < abortRounds; round++) {
    const limit = 20 + (round % 5) * 10
    const bytes = round % 2 === 0 ? slow : half.subarray(0, half.length - 1_000)
    await Promise.all(Array.from({ length: connections }, () => once(it.port, bytes, limit)))
  }
  const answers = await Promise.all(Array.from({ length: afterwards }, () => once(it.port, get(it), 5_000)))
  const served = answers.filter((answer) => answer !== undefined && statusOf(answer) < 300).length
  // Idle connections that are kept alive close by themselves; what stays is lost.
  let leaked = socketCount(it.pid) - before
  for (let wait = 0; wait < 30 && leaked > 0; wait++) {
    await sleep(500)
    leaked = socketCount(it.pid) - before
  }
  return { served, leaked: Math.max(0, leaked) }
}

export const routing = (settings: Settings): Promise<Part> =>
  during(async ({ folder, keep }) => {
    const real = await keep(
      product("worker-runtime", ["runtime", "serve", "--bind", "127.0.0.1:0"], { cores: loadCores })
    )
    const file = join(folder, "answers.json")
    writeFileSync(file, JSON.stringify(await record(real)))
    const upstream = await keep(contender("direct", "replay.ts", [file], { cores: loadCores }))
    const workspace = (name: string): string => {
      mkdirSync(join(folder, name))
      return join(folder, name)
    }
    const serving = await keep(backend("backend", workspace("own"), upstream.url))
    const dispatch = await keep(contender("dispatch", "dispatch.ts", [upstream.url]))
    const { before } = settings
    const field = [
      serving,
      ...(before === undefined
        ? []
        : [await keep(backend("backend before", workspace("before"), upstream.url, { checkout: before }))]),
      dispatch,
      await keep(contender("httpxy", "httpProxy.ts", [upstream.url, "httpxy"])),
      await keep(contender("@fastify/http-proxy", "fastifyProxy.ts", [upstream.url])),
      await keep(contender("http-proxy", "httpProxy.ts", [upstream.url, "http-proxy"])),
      ...(Nginx.isHere() ? [await keep(Nginx.proxy(workspace("nginx"), upstream.port))] : [])
    ]
    const found = await throughput(field, settings)
    const rates = (name: string) => found.get(name)!.map((it) => it.rate)
    const cpus = (name: string) => found.get(name)!.map((it) => it.cpu)
    const title = `Requests through the backend: GET of one worker, ${connections} connections`
    const replayed = await throughputTable(title, field, found)
    const gc = await serving.figures("figures")

    const alone = await unloaded(field, upstream, settings)
    // Two rivals tell enough, and each takes its time.
    const few = field.filter(({ name }) => name.startsWith("backend") || name === "dispatch" || name === "http-proxy")
    const carried = Math.min(...few.map(({ name }) => spread(rates(name)).median))
    const half = await halfLoad(few, upstream, get, carried, settings)

    const wholeOwn = await keep(backend("backend, real runtime", workspace("whole"), real.url))
    const wholeRaw = await keep(contender("dispatch", "dispatch.ts", [real.url]))
    const whole = [wholeOwn, wholeRaw]
    const wholeFound = await throughput(whole, settings)
    const wholeTable = await throughputTable("The same with a real worker-runtime behind", whole, wholeFound)

    const storms: Array<Array<string>> = []
    let ours = { served: 0, leaked: 0 }
    for (const it of field) {
      const outcome = await storm(it)
      if (it === serving) ours = outcome
      storms.push([it.name, `${outcome.served} of ${afterwards}`, number(outcome.leaked)])
    }
    const stormTable: Table = {
      title: `After ${number(aborted)} clients that hung up in mid-body`,
      columns: ["proxy", "requests served", "sockets lost"],
      rows: storms
    }
    return {
      bench: "routing",
      tables: [replayed, wholeTable, alone.table, half.table, stormTable],
      goals: [
        measured("requests/s ÷ dispatch", { is: "at least", than: 0.75 }, ratio(rates("backend"), rates("dispatch"))),
        measured("CPU per request ÷ dispatch", { is: "at most", than: 1.25 }, ratio(cpus("backend"), cpus("dispatch"))),
        measured(
          "CPU per request ÷ http-proxy",
          { is: "at most", than: 1 },
          ratio(cpus("backend"), cpus("http-proxy"))
        ),
        measured("added p50, one connection (µs)", { is: "at most", than: 130 }, spread(alone.added("backend"))),
        measured("longest minor GC (ms)", { is: "at most", than: 5 }, exactly(gc.minorMax)),
        measured("requests served after the aborts", { is: "at least", than: afterwards }, exactly(ours.served)),
        measured("sockets lost in the aborts", { is: "at most", than: 0 }, exactly(ours.leaked)),
        ...half.goals
      ]
    }
  })
