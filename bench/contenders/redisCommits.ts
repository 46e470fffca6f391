/** A client of Redis that waits for the answer to each XADD: one connection for each worker. */
import { connect, type Socket } from "node:net"
import { setTimeout as sleep } from "node:timers/promises"

/** How often a server that is starting is asked, in milliseconds. */
const knockMs = 20

const connected = async (port: number): Promise<Socket> => {
  while (true) {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true })
    const up = await new Promise<boolean>((resolve) => {
      socket.once("connect", () => resolve(true)).once("error", () => resolve(false))
    })
    if (up) return socket
    await sleep(knockMs)
  }
}

/** What a log is in Redis: a stream, and an entry for each write. */
const append = (key: string, value: string): string =>
  `*5\r\n$4\r\nXADD\r\n$${key.length}\r\n${key}\r\n$1\r\n*\r\n$1\r\ne\r\n$${Buffer.byteLength(value)}\r\n${value}\r\n`

/** The answer is the entry's id as a bulk string: small, so that it never comes in two. */
const taken = /^\$\d+\r\n\d+-\d+\r\n$/

export const redisCommits = (port: number): ((worker: string, value: string) => Promise<void>) => {
  const sockets = new Map<string, Promise<Socket>>()
  return async (worker, value) => {
    let opening = sockets.get(worker)
    if (opening === undefined) sockets.set(worker, (opening = connected(port)))
    const socket = await opening
    return new Promise((resolve, reject) => {
      socket.once("data", (answer: Buffer) => {
        if (taken.test(answer.toString("latin1"))) resolve()
        else reject(new Error("Redis refused a write"))
      })
      socket.write(append(worker, value))
    })
  }
}
