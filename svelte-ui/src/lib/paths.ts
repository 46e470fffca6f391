/** Every address inside this page, so that none is written by hand. */

const segment = encodeURIComponent

export const paths = {
  overview: "/",
  workers: "/workers",
  workersOf: (runtimeId: string) => `/workers?runtime=${segment(runtimeId)}`,
  newWorker: (runtimeId?: string) =>
    runtimeId === undefined ? "/workers/new" : `/workers/new?runtime=${segment(runtimeId)}`,
  worker: (runtimeId: string, workerId: string) => `/workers/${segment(runtimeId)}/${segment(workerId)}`,
  entry: (runtimeId: string, workerId: string, sequence: number) =>
    `/workers/${segment(runtimeId)}/${segment(workerId)}#entry-${sequence}`,
  settings: "/settings",
  connections: "/settings/connections",
  newConnection: "/settings/connections/new",
  cloneConnection: (id: string) => `/settings/connections/new?from=${segment(id)}`,
  connection: (id: string) => `/settings/connections/edit/${segment(id)}`,
  appearance: "/settings/appearance",
  diagnostics: "/settings/diagnostics"
} as const
