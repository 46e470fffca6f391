/** What the backend says of itself: whether it is ready, and which version it is. */
import { request } from "./http.ts"

export const openapiInfo = (signal?: AbortSignal) =>
  request<{ readonly info?: { readonly title?: string; readonly version?: string } }>({
    path: "/api/openapi.json",
    ...(signal && { signal })
  })
