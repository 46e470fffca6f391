/** The few members of `http-proxy` that are used here; it comes without types. */
declare module "http-proxy" {
  import type { IncomingMessage, ServerResponse } from "node:http"

  interface Proxy {
    readonly web: (request: IncomingMessage, response: ServerResponse) => void
    readonly on: (
      name: "error",
      listener: (error: Error, request: IncomingMessage, response: ServerResponse) => void
    ) => void
  }

  const httpProxy: { readonly createProxyServer: (options: object) => Proxy }
  export default httpProxy
}
