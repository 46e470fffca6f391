/** `@fastify/http-proxy` over undici, without a log. */
import fastifyProxy from "@fastify/http-proxy"
import { fastify } from "fastify"

const app = fastify({ logger: false, keepAliveTimeout: 120_000 })
await app.register(fastifyProxy, { upstream: process.argv[2]!, undici: { connections: 128 } })
process.once("SIGTERM", () => process.exit(0))
console.log(await app.listen({ port: 0, host: "127.0.0.1", backlog: 4_096 }))
