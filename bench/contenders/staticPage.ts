/** Serves the documents of a folder as they are: `/words` is `words.html`, or `words.html.br` where that is there. */
import { existsSync, readFileSync, readdirSync } from "node:fs"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { join } from "node:path"

const folder = process.argv[2]!
const documents = new Map(
  readdirSync(folder)
    .filter((name) => name.endsWith(".html"))
    .map((name) => {
      const file = join(folder, name)
      const packed = existsSync(`${file}.br`)
      const headers = {
        "content-type": "text/html; charset=utf-8",
        ...(packed ? { "content-encoding": "br" } : undefined)
      }
      return [`/${name.slice(0, -".html".length)}`, { headers, body: readFileSync(packed ? `${file}.br` : file) }]
    })
)

const server = createServer((request, response) => {
  const document = documents.get(request.url ?? "/")
  if (document === undefined) return void response.writeHead(404).end()
  response.writeHead(200, document.headers).end(document.body)
})
process.once("SIGTERM", () => process.exit(0))
server.listen(0, "127.0.0.1", () => console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`))
