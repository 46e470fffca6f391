/**
 * A TCP proxy on loopback that breaks connections on demand. Scoped, on a port of its own, and it counts what it saw,
 * so a test can prove that a client left nothing open.
 */
import { Effect, type Scope } from "effect"
import { createServer, connect, type Server, type Socket } from "node:net"

/** What happens to the bytes on their way back to the client, unless said otherwise. Byte counts are per connection. */
export type Fault =
  | { readonly _tag: "none" }
  /** Nobody listens. Open connections are reset. */
  | { readonly _tag: "refuse" }
  /** Accepts, reads everything and never answers: a half-open peer. */
  | { readonly _tag: "blackhole" }
  /** RST after this many bytes of the answer; 0 resets on accept. */
  | { readonly _tag: "reset"; readonly after: number }
  /** FIN after this many bytes of the answer. */
  | { readonly _tag: "truncate"; readonly after: number }
  /** Silence after this many bytes of the answer; the connection stays open. */
  | { readonly _tag: "stall"; readonly after: number }
  /** Inverts one byte of the answer at this offset. */
  | { readonly _tag: "corrupt"; readonly at: number }
  /** Holds the answer back for this long once, in milliseconds. */
  | { readonly _tag: "delay"; readonly ms: number }
  /** Sends `bytes` of the answer every `every_ms` milliseconds: a drip, or a bandwidth. */
  | { readonly _tag: "drip"; readonly bytes: number; readonly every_ms: number }

export interface FaultProxy {
  readonly port: number
  /** Takes effect for connections made from now on; `refuse` and its end take effect at once. */
  readonly set: (fault: Fault) => Effect.Effect<void>
  /** Cuts every open connection with RST. */
  readonly cut: Effect.Effect<void>
  /** Connections ever accepted, and open on the client's side now. */
  readonly counts: Effect.Effect<{ readonly accepted: number; readonly open: number }>
  /** Completes when no client connection is open. */
  readonly drained: Effect.Effect<void>
}

/** Bytes that wait in the proxy for one connection before it stops reading from the upstream. */
const MAX_HELD_BYTES = 1024 * 1024

interface Pipe {
  readonly client: Socket
  readonly upstream: Socket
}

/** Sends `pending` on at the fault's pace; returns how to stop. */
const pace = (pipe: Pipe, fault: Extract<Fault, { _tag: "drip" | "delay" }>) => {
  let held: Buffer = Buffer.alloc(0)
  let ended = false
  let open = fault._tag === "drip"
  const flush = () => {
    const size = fault._tag === "drip" ? fault.bytes : open ? held.length : 0
    if (size > 0 && held.length > 0) {
      pipe.client.write(held.subarray(0, size))
      held = held.subarray(size)
      if (held.length < MAX_HELD_BYTES) pipe.upstream.resume()
    }
    if (ended && held.length === 0) pipe.client.end()
  }
  const release = () => {
    open = true
    flush()
  }
  const timer = fault._tag === "drip" ? setInterval(flush, fault.every_ms) : setTimeout(release, fault.ms)
  pipe.upstream.on("data", (chunk: Buffer) => {
    held = Buffer.concat([held, chunk])
    if (held.length >= MAX_HELD_BYTES) pipe.upstream.pause()
    if (fault._tag === "delay") flush()
  })
  pipe.upstream.on("end", () => {
    ended = true
    if (fault._tag === "delay") flush()
  })
  return () => clearTimeout(timer)
}

/** Carries the answer to the client until the fault's byte is reached. */
const carry = (pipe: Pipe, fault: Exclude<Fault, { _tag: "drip" | "delay" | "refuse" | "blackhole" }>) => {
  let seen = 0
  const { client, upstream } = pipe
  upstream.on("data", (chunk: Buffer) => {
    const start = seen
    seen += chunk.length
    if (fault._tag === "none") return client.write(chunk)
    if (fault._tag === "corrupt") {
      const copy = Buffer.from(chunk)
      const at = fault.at - start
      if (at >= 0 && at < copy.length) copy[at] = (copy[at] ?? 0) ^ 0xff
      return client.write(copy)
    }
    const rest = Math.max(0, fault.after - start)
    if (rest > 0 && rest >= chunk.length && seen < fault.after) return client.write(chunk)
    const finish = () => {
      if (fault._tag === "reset") client.resetAndDestroy()
      else if (fault._tag === "truncate") client.end()
    }
    return rest > 0 ? client.write(chunk.subarray(0, rest), finish) : finish()
  })
  upstream.on("end", () => {
    if (fault._tag !== "stall") client.end()
  })
}

/** Opens the proxy before a loopback port; it and every connection through it end with the scope. */
export const make = (upstreamPort: number): Effect.Effect<FaultProxy, never, Scope.Scope> =>
  Effect.gen(function* () {
    let fault: Fault = { _tag: "none" }
    let accepted = 0
    const clients = new Set<Socket>()
    const waiting = new Set<() => void>()

    const serve = (client: Socket) => {
      accepted++
      clients.add(client)
      const current = fault
      client.on("error", () => undefined)
      client.on("close", () => {
        clients.delete(client)
        if (clients.size === 0) for (const wake of waiting) wake()
      })
      if (current._tag === "blackhole") return client.resume()
      if (current._tag === "reset" && current.after === 0) return client.resetAndDestroy()
      const upstream = connect(upstreamPort, "127.0.0.1")
      const pipe = { client, upstream }
      let stop: () => void = () => undefined
      if (current._tag === "drip" || current._tag === "delay") stop = pace(pipe, current)
      else if (current._tag !== "refuse") carry(pipe, current)
      upstream.on("error", () => client.resetAndDestroy())
      client.on("close", () => {
        stop()
        upstream.destroy()
      })
      return client.pipe(upstream)
    }

    const server: Server = createServer({ allowHalfOpen: false }, serve)
    const listen = (port: number) =>
      Effect.callback<number>((resume) => {
        server.listen(port, "127.0.0.1", () => {
          const bound = server.address()
          resume(Effect.succeed(typeof bound === "object" && bound !== null ? bound.port : 0))
        })
      })
    const cut = Effect.sync(() => {
      for (const client of clients) client.resetAndDestroy()
    })
    const close = Effect.callback<void>((resume) => {
      server.close(() => resume(Effect.void))
      for (const client of clients) client.resetAndDestroy()
    })

    const port = yield* Effect.acquireRelease(listen(0), () =>
      Effect.suspend(() => (server.listening ? close : Effect.void))
    )
    return {
      port,
      set: (next) =>
        Effect.suspend(() => {
          const before = fault._tag
          fault = next
          if (next._tag === "refuse") return server.listening ? close : Effect.void
          return before === "refuse" ? Effect.asVoid(listen(port)) : Effect.void
        }),
      cut,
      counts: Effect.sync(() => ({ accepted, open: clients.size })),
      drained: Effect.callback((resume) => {
        if (clients.size === 0) return resume(Effect.void)
        const wake = () => {
          waiting.delete(wake)
          resume(Effect.void)
        }
        waiting.add(wake)
        return Effect.sync(() => waiting.delete(wake))
      })
    }
  })
