/** Paths of the runtime API, encoded: whatever a name holds, it stays one segment. */

export const encoded = encodeURIComponent

/** @param rest of segments that are encoded already */
export const ofWorker = (worker_id: string, rest = ""): string => `/v1/workers/${encoded(worker_id)}${rest}`

/** Members that are undefined are left out. */
export const query = (values: Readonly<Record<string, string | number | undefined>>): string => {
  const given = Object.entries(values).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${encoded(value)}`]
  )
  return given.length === 0 ? "" : `?${given.join("&")}`
}
