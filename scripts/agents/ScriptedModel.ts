/** A model on loopback that answers by script, to OpenAI, Anthropic and Gemini clients. It needs no network. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { chat, type Events, gemini, idOf, messages, responses, usage } from "./Dialects.ts"
import { type Answer, answerTo, type Request } from "./Script.ts"

export interface ScriptedModel {
  readonly url: string
  /** `METHOD path` of every request, in their order. */
  readonly requests: ReadonlyArray<string>
  readonly close: () => Promise<void>
}

const stream = (response: ServerResponse, events: Events): void => {
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" })
  for (const it of events) {
    if (it === undefined) return
    const data = typeof it.data === "string" ? it.data : JSON.stringify(it.data)
    response.write(`${it.event === undefined ? "" : `event: ${it.event}\n`}data: ${data}\n\n`)
  }
  response.end()
}

const json = (response: ServerResponse, body: unknown): void => {
  response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(body))
}

const whole = (answer: Answer) => (answer.kind === "tool" ? "" : answer.text)

const handle = (path: string, body: Request, response: ServerResponse): void => {
  const answer = answerTo(body)
  const open = body.stream === true
  if (path.endsWith("/chat/completions")) {
    if (open) return stream(response, chat(answer))
    return json(response, {
      id: idOf("chat"),
      object: "chat.completion",
      created: 1,
      model: "scripted",
      choices: [{ index: 0, message: { role: "assistant", content: whole(answer) }, finish_reason: "stop" }],
      usage
    })
  }
  if (path.endsWith("/responses")) return stream(response, responses(answer))
  if (path.endsWith("/count_tokens")) return json(response, { input_tokens: 10 })
  if (path.endsWith("/messages")) {
    if (open) return stream(response, messages(answer))
    return json(response, {
      id: idOf("msg"),
      type: "message",
      role: "assistant",
      model: "scripted",
      content: [{ type: "text", text: whole(answer) }],
      stop_reason: "end_turn",
      stop_sequence: null,
      usage: { input_tokens: 10, output_tokens: 10 }
    })
  }
  if (path.endsWith(":streamGenerateContent")) return stream(response, gemini(answer))
  if (path.endsWith(":generateContent")) return json(response, gemini({ kind: "text", text: whole(answer) })[0]!.data)
  if (path.endsWith(":countTokens")) return json(response, { totalTokens: 10 })
  if (path.endsWith("/models"))
    return json(response, { object: "list", data: [{ id: "scripted", object: "model" }], models: [] })
  response.writeHead(404, { "content-type": "application/json" }).end("{}")
}

const bodyOf = async (request: IncomingMessage): Promise<Request> => {
  const chunks: Array<Buffer> = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const text = Buffer.concat(chunks).toString()
  return text.startsWith("{") ? (JSON.parse(text) as Request) : {}
}

export const start = async (): Promise<ScriptedModel> => {
  const requests: Array<string> = []
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? "/", "http://model").pathname
    requests.push(`${request.method} ${path}`)
    void bodyOf(request).then(
      (body) => handle(path, body, response),
      () => response.destroy()
    )
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      })
  }
}
