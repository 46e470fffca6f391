/** An answer in the words of four APIs, as the events of a stream. */
import type { Answer } from "./Script.ts"

let ids = 0
/** No two things of a conversation have one id: agents join what has the same. */
export const idOf = (kind: string): string => `${kind}_${++ids}`

export const usage = { prompt_tokens: 10, completion_tokens: 10, total_tokens: 20 }

/** What is streamed, one event each; `undefined` = the answer stays open. */
export type Events = ReadonlyArray<{ readonly event?: string; readonly data: unknown } | undefined>

export const chat = (answer: Answer): Events => {
  const id = idOf("chat")
  const chunk = (delta: object, finish_reason: string | null = null, more: object = {}) => ({
    data: {
      id,
      object: "chat.completion.chunk",
      created: 1,
      model: "scripted",
      choices: [{ index: 0, delta, finish_reason }],
      ...more
    }
  })
  if (answer.kind === "tool") {
    const call = {
      index: 0,
      id: idOf("call"),
      type: "function",
      function: { name: answer.name, arguments: JSON.stringify(answer.arguments) }
    }
    return [
      chunk({ role: "assistant", content: null, tool_calls: [call] }),
      chunk({}, "tool_calls", { usage }),
      { data: "[DONE]" }
    ]
  }
  const text = chunk({ role: "assistant", content: answer.text })
  return answer.kind === "wait" ? [text, undefined] : [text, chunk({}, "stop", { usage }), { data: "[DONE]" }]
}

export const messages = (answer: Answer): Events => {
  const tell = (type: string, more: object = {}) => ({ event: type, data: { type, ...more } })
  const start = tell("message_start", {
    message: {
      id: idOf("msg"),
      type: "message",
      role: "assistant",
      model: "scripted",
      content: [],
      stop_reason: null,
      stop_sequence: null,
      usage: { input_tokens: 10, output_tokens: 1 }
    }
  })
  const end = (stop_reason: string) => [
    tell("content_block_stop", { index: 0 }),
    tell("message_delta", { delta: { stop_reason, stop_sequence: null }, usage: { output_tokens: 10 } }),
    tell("message_stop")
  ]
  if (answer.kind === "tool") {
    return [
      start,
      tell("content_block_start", {
        index: 0,
        content_block: { type: "tool_use", id: idOf("toolu"), name: answer.name, input: {} }
      }),
      tell("content_block_delta", {
        index: 0,
        delta: { type: "input_json_delta", partial_json: JSON.stringify(answer.arguments) }
      }),
      ...end("tool_use")
    ]
  }
  const text = [
    start,
    tell("content_block_start", { index: 0, content_block: { type: "text", text: "" } }),
    tell("content_block_delta", { index: 0, delta: { type: "text_delta", text: answer.text } })
  ]
  return answer.kind === "wait" ? [...text, undefined] : [...text, ...end("end_turn")]
}

export const gemini = (answer: Answer): Events => {
  const chunk = (parts: ReadonlyArray<object>, finishReason?: string) => ({
    data: {
      candidates: [
        { index: 0, content: { role: "model", parts }, ...(finishReason === undefined ? {} : { finishReason }) }
      ],
      usageMetadata: { promptTokenCount: 10, candidatesTokenCount: 10, totalTokenCount: 20 },
      modelVersion: "scripted"
    }
  })
  if (answer.kind === "tool") return [chunk([{ functionCall: { name: answer.name, args: answer.arguments } }], "STOP")]
  return answer.kind === "wait" ? [chunk([{ text: answer.text }]), undefined] : [chunk([{ text: answer.text }], "STOP")]
}

export const responses = (answer: Answer): Events => {
  const id = idOf("resp")
  const tell = (type: string, more: object = {}) => ({ event: type, data: { type, ...more } })
  const created = tell("response.created", {
    response: { id, object: "response", status: "in_progress", output: [] }
  })
  const done = tell("response.completed", {
    response: {
      id,
      object: "response",
      status: "completed",
      output: [],
      usage: {
        input_tokens: 10,
        input_tokens_details: null,
        output_tokens: 10,
        output_tokens_details: null,
        total_tokens: 20
      }
    }
  })
  if (answer.kind === "tool") {
    const item = {
      type: "function_call",
      id: idOf("fc"),
      call_id: idOf("call"),
      name: answer.name,
      arguments: JSON.stringify(answer.arguments),
      status: "completed"
    }
    return [
      created,
      tell("response.output_item.added", { output_index: 0, item }),
      tell("response.output_item.done", { output_index: 0, item }),
      done
    ]
  }
  const message = idOf("msg")
  const item = {
    type: "message",
    id: message,
    role: "assistant",
    status: "completed",
    content: [{ type: "output_text", text: answer.text, annotations: [] }]
  }
  const text = [
    created,
    tell("response.output_item.added", { output_index: 0, item: { ...item, content: [], status: "in_progress" } }),
    tell("response.output_text.delta", { item_id: message, output_index: 0, content_index: 0, delta: answer.text })
  ]
  return answer.kind === "wait"
    ? [...text, undefined]
    : [...text, tell("response.output_item.done", { output_index: 0, item }), done]
}
