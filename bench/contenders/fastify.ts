/** The smallest fastify that answers one sentence: what a framework costs before it does anything. */
import { fastify } from "fastify"

const app = fastify({ logger: false })
app.get("/", () => ({}))
process.once("SIGTERM", () => process.exit(0))
console.log(await app.listen({ port: 0, host: "127.0.0.1" }))
