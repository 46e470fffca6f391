/** Permission requests among the asides: asked, answered, expired, called off. Pure functions over the list. */
import { add, type Asides, changeAll, type Permission, replace } from "./asideList.ts"
import { type Data, type PermissionRequest, text } from "./payload.ts"

/** Ids of requests are only their agent's: after it was started anew it counts from the beginning. */
export const ask = (asides: Asides, request: PermissionRequest, at: number): Asides => {
  const known = openPermission(asides, request.id)
  if (known === undefined) {
    const key = `permission-${at}-${request.id}`
    return add(asides, { kind: "permission", key, at, request, state: "open", chosen: undefined })
  }
  // Known from a snapshot, which does not say when it was asked: the replay does.
  return at >= known.at
    ? asides
    : add(
        asides.filter((one) => one !== known),
        { ...known, request, at }
      )
}

/** How a request ended. One that went with its turn and whose end is told only afterwards gets its true end. */
export const resolve = (asides: Asides, data: Data): Asides => {
  const id = text(data["id"])
  const asked = asides.findLast((one): one is Permission => isPermission(one) && one.request.id === id)
  if (asked === undefined || asked.state === "selected" || asked.state === "expired") return asides
  const outcome = text(data["outcome"])
  return replace(asides, asked, {
    ...asked,
    state: outcome === "selected" || outcome === "expired" ? outcome : "cancelled",
    chosen: text(data["option_id"]) || undefined
  })
}

/** The requests that a snapshot shows open are all that are; what else seemed to be has ended meanwhile. */
export const onlyOpen = (asides: Asides, requests: ReadonlyArray<PermissionRequest>, asOf: number): Asides => {
  const ids = new Set(requests.map(({ id }) => id))
  const closed = changeAll(asides, (one) =>
    isOpen(one) && one.at <= asOf && !ids.has(one.request.id) ? { ...one, state: "cancelled" } : one
  )
  return requests.reduce((list, request) => ask(list, request, asOf), closed)
}

export const isPermission = (one: Asides[number]): one is Permission => one.kind === "permission"
export const isOpen = (one: Asides[number]): one is Permission => isPermission(one) && one.state === "open"

const openPermission = (asides: Asides, id: string): Permission | undefined =>
  asides.findLast((one): one is Permission => isOpen(one) && one.request.id === id)
