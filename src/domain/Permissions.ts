/** The permission requests that a turn waits for, kept current from its events: the engine's record and every snapshot agree because of it. */
import { Option, Schema } from "effect"
import { isItemName, PermissionRequest } from "./Worker.ts"
import type { WorkerEvent } from "./WorkerEvent.ts"

/** Requests that are open at once … */
export const maxOpenRequests = 32
/** … and the length of one as JSON, in UTF-16 units. What is beyond is told as an event and cannot be answered. */
export const maxRequestLength = 65_536

const decode = Schema.decodeUnknownOption(PermissionRequest)

const none: ReadonlyArray<PermissionRequest> = []

/** The open requests after one more event; the same array where the event is about none of them. */
export const after = (
  open: ReadonlyArray<PermissionRequest> = none,
  { data, event }: WorkerEvent
): ReadonlyArray<PermissionRequest> => {
  if (event === "permission_resolved") return open.some(({ id }) => id === data.id) ? without(open, data.id) : open
  if (event !== "permission_request") return open
  const request = Option.getOrUndefined(decode(data))
  if (request === undefined || !isItemName(request.id) || JSON.stringify(request).length > maxRequestLength) return open
  const others = without(open, request.id)
  return others.length >= maxOpenRequests ? open : [...others, request]
}

const without = (open: ReadonlyArray<PermissionRequest>, id: unknown) => open.filter((request) => request.id !== id)
