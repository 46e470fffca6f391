/** Runtimes, and what can be launched on them. */
import { request, segment } from "./http.ts"
import type { LaunchOptions, Runtime } from "./wire.ts"

export const listRuntimes = (signal?: AbortSignal) =>
  request<{ readonly items: ReadonlyArray<Runtime> }>({ path: "/api/runtimes", ...(signal && { signal }) })

export const getRuntime = (runtimeId: string) =>
  request<{ readonly runtime: Runtime }>({ path: `/api/runtimes/${segment(runtimeId)}` })

export const launchOptions = (signal?: AbortSignal) =>
  request<LaunchOptions>({ path: "/api/launch-options", ...(signal && { signal }) })
