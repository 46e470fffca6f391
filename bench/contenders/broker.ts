/** Where a source publishes when a broker carries its events: Redis or NATS, on this machine. */
import { connect } from "node:net"

type Publish = (channel: string, messages: ReadonlyArray<string>) => void

const commands: Readonly<Record<string, (channel: string, message: string) => string>> = {
  // Only ASCII: a character is a byte.
  redis: (channel, message) =>
    `*3\r\n$7\r\nPUBLISH\r\n$${channel.length}\r\n${channel}\r\n$${message.length}\r\n${message}\r\n`,
  nats: (channel, message) => `PUB ${channel} ${message.length}\r\n${message}\r\n`
}

/** @param place `redis:PORT` or `nats:PORT` */
export const broker = (place: string | undefined): Publish | undefined => {
  const [name, port] = place?.split(":") ?? []
  const command = commands[name ?? ""]
  if (command === undefined) return undefined
  const socket = connect({ port: Number(port), host: "127.0.0.1", noDelay: true })
  if (name === "nats") socket.write(`CONNECT {"verbose":false}\r\n`)
  // What it answers is of no interest, but must not pile up.
  socket.resume()
  return (channel, messages) =>
    void socket.write(messages.map((message) => command(channel, message)).join(""), "latin1")
}
