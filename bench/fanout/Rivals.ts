/** What carries events elsewhere, where the machine has it: a pass-through in C as the limit, Redis, NATS, nginx. */
import { spawnSync } from "node:child_process"
import { createHash } from "node:crypto"
import { mkdirSync, writeFileSync } from "node:fs"
import { connect } from "node:net"
import { setTimeout as sleep } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import { freePort } from "../FreePort.ts"
import { contender, loadCores, type Running, start } from "../Process.ts"
import { type Door, webSocket, webSocketKey } from "../Watchers.ts"
import type { Gateway } from "./Gateway.ts"

type Keep = (started: Promise<Running>) => Promise<Running>

export const passThrough = "C pass-through"

const isHere = (program: string): boolean => spawnSync("which", [program]).status === 0

const source = (keep: Keep, args: ReadonlyArray<string> = []): Promise<Running> =>
  keep(contender("source", "eventSource.ts", args, { cores: loadCores }))

const path = (worker: string): string => `/v1/workers/${worker}/events/ws`

/** How often a program that says nothing when it is ready is asked, and how long, in milliseconds. */
const knockMs = 50
const knockLimitMs = 10_000

const answers = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1" })
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false))
    socket.once("connect", () => socket.destroy())
  })

/** A program that says nothing of its own: the shell speaks for it and then becomes it. */
const quiet = async (name: string, port: number, command: ReadonlyArray<string>): Promise<Running> => {
  const script = `echo http://127.0.0.1:${port}; exec "$0" "$@"`
  const running = await start(name, ["-c", script, ...command], { program: "sh" })
  const until = performance.now() + knockLimitMs
  while (!(await answers(port))) {
    if (performance.now() > until) throw new Error(`${name} did not start`)
    await sleep(knockMs)
  }
  return running
}

/** The answer to the one key that all watchers send. */
const accept = createHash("sha1").update(`${webSocketKey}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64")

const inC = async (folder: string, keep: Keep): Promise<Gateway> => {
  const program = `${folder}/passThrough`
  const code = fileURLToPath(new URL("../contenders/passThrough.c", import.meta.url))
  const compiled = spawnSync("cc", ["-O2", "-o", program, code], { encoding: "utf8" })
  if (compiled.status !== 0) throw new Error(`passThrough.c was not compiled: ${compiled.stderr}`)
  const from = await source(keep)
  const it = await keep(start(passThrough, [String(from.port), accept], { program }))
  return { name: passThrough, it, source: from, door: (worker) => webSocket(it.port, path(worker)) }
}

const redis = async (folder: string, keep: Keep): Promise<Gateway> => {
  const port = await freePort()
  const options = [
    "--port",
    String(port),
    "--bind",
    "127.0.0.1",
    "--save",
    "",
    "--dir",
    folder,
    "--loglevel",
    "warning"
  ]
  const it = await keep(quiet("Redis", port, ["redis-server", ...options]))
  const door = (worker: string): Door => ({
    port,
    greeting: `*2\r\n$9\r\nSUBSCRIBE\r\n$${worker.length}\r\n${worker}\r\n`,
    ready: "subscribe"
  })
  return { name: "Redis", it, source: await source(keep, [`redis:${port}`]), door }
}

const nats = async (folder: string, keep: Keep): Promise<Gateway> => {
  const port = await freePort()
  const config = `${folder}/nats.conf`
  // Nobody here answers its pings.
  writeFileSync(config, `listen: "127.0.0.1:${port}"\nping_interval: "1h"\n`)
  const it = await keep(quiet("NATS", port, ["nats-server", "-c", config]))
  const door = (worker: string): Door => ({
    port,
    greeting: `CONNECT {"verbose":false}\r\nSUB ${worker} 1\r\nPING\r\n`,
    ready: "PONG"
  })
  return { name: "NATS", it, source: await source(keep, [`nats:${port}`]), door }
}

const nginxConfig = (folder: string, port: number, upstream: number): string => `
daemon off;
master_process off;
pid ${folder}/nginx.pid;
error_log stderr crit;
events { worker_connections 8192; }
http {
  access_log off;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location / {
      proxy_pass http://127.0.0.1:${upstream};
      proxy_http_version 1.1;
      proxy_set_header Upgrade websocket;
      proxy_set_header Connection upgrade;
      proxy_buffer_size 64k;
      proxy_buffers 8 64k;
    }
  }
}
`

/** A connection to the source for every watcher. */
const nginx = async (folder: string, keep: Keep): Promise<Gateway> => {
  const port = await freePort()
  const from = await source(keep)
  writeFileSync(`${folder}/nginx.conf`, nginxConfig(folder, port, from.port))
  const it = await keep(quiet("nginx", port, ["nginx", "-p", folder, "-c", `${folder}/nginx.conf`]))
  return { name: "nginx", it, source: from, door: (worker) => webSocket(port, path(worker)) }
}

export interface Rivals {
  /** What nothing can be better than. */
  readonly limit: ReadonlyArray<Gateway>
  readonly others: ReadonlyArray<Gateway>
  /** Names of those that this machine does not have. */
  readonly absent: ReadonlyArray<string>
}

export const rivals = async (folder: string, keep: Keep): Promise<Rivals> => {
  const others: Array<Gateway> = []
  const absent: Array<string> = []
  const programs = [
    ["Redis", "redis-server", redis],
    ["NATS", "nats-server", nats],
    ["nginx", "nginx", nginx]
  ] as const
  for (const [name, program, make] of programs) {
    if (!isHere(program)) {
      absent.push(name)
      continue
    }
    const own = `${folder}/${program}`
    mkdirSync(own)
    others.push(await make(own, keep))
  }
  if (!isHere("cc")) return { limit: [], others, absent: [passThrough, ...absent] }
  return { limit: [await inC(folder, keep)], others, absent }
}
