/** The web page is a static single-page application; the backend serves `build/` on the port of its own API. */
import adapter from "@sveltejs/adapter-static"
import { sveltekit } from "@sveltejs/kit/vite"
import tailwindcss from "@tailwindcss/vite"
import { defineConfig } from "vite"

/** Where `vite dev` sends API calls: a running backend. */
const backend = process.env["YOI_BACKEND"] ?? "http://127.0.0.1:8787"

export default defineConfig({
  plugins: [
    tailwindcss(),
    sveltekit({
      adapter: adapter({ fallback: "index.html" }),
      csp: {
        mode: "hash",
        directives: {
          "default-src": ["self"],
          "script-src": ["self"],
          "style-src": ["self"],
          "img-src": ["self", "data:"],
          "connect-src": ["self"],
          "object-src": ["none"],
          "base-uri": ["none"],
          "form-action": ["self"]
        }
      }
    })
  ],
  server: { proxy: { "/api": { target: backend, ws: true, changeOrigin: true } } }
})
