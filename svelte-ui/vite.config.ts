/** The web page is a static single-page application; the backend serves `build/` on the port of its own API. */
import { createHash } from "node:crypto"
import { readFileSync } from "node:fs"
import adapter from "@sveltejs/adapter-static"
import { sveltekit } from "@sveltejs/kit/vite"
import tailwindcss from "@tailwindcss/vite"
import { defineConfig, type Plugin } from "vite"
import manifest from "./package.json" with { type: "json" }

/** Where `vite dev` sends API calls: a running backend. */
const backend = process.env["YOI_BACKEND"] ?? "http://127.0.0.1:8787"

/** The framework hashes its own inline scripts; this is the one of the template. */
const template = readFileSync(new URL("./src/app.html", import.meta.url), "utf8")
const firstScript = /<script>([\s\S]*?)<\/script>/.exec(template)?.[1] ?? ""
const firstScriptHash = `sha256-${createHash("sha256").update(firstScript).digest("base64")}` as const

/**
 * The announcer of page changes carries the framework's only style attribute, which would need an exception in the content
 * security policy. Its rules are those of a utility class.
 */
const announcerWithoutStyleAttribute: Plugin = {
  name: "announcer-without-style-attribute",
  enforce: "pre",
  transform: {
    filter: { id: /\/kit\/src\/runtime\/components\/root\.svelte$/ },
    handler(code) {
      const next = code.replace(/style="position: absolute;[^"]*"/, 'class="sr-only"')
      if (next === code) this.error("The announcer's style attribute is not where it was: look at the new version.")
      return next
    }
  }
}

/** The framework asks for the page of errors before it shows any other; beside the rest it costs no further round trip. */
const errorPageAtOnce: Plugin = {
  name: "error-page-at-once",
  transform: {
    filter: { id: /\/generated\/build\/client-optimized\/app\.js$/ },
    handler(code) {
      const next = code.replace("() => import('./nodes/1')", "() => Promise.resolve(errorPage)")
      if (next === code) this.error("The page of errors is not where it was: look at the new version.")
      return `import * as errorPage from './nodes/1'\n${next}`
    }
  }
}

/** What begins: it takes the settings from the document before the framework is evaluated, which reads them at once. */
const boot = { name: "boot", test: /\/kit\/src\/runtime\/client\/payload\.js$|preload-helper/, priority: 1 }

/**
 * What every page needs, in one file. Browsers load six files at once from one place: in as many files as there are modules
 * that are shared, the first paint would wait for them in several rounds.
 */
const shell = {
  name: "shell",
  test: /\/node_modules\/(svelte|@sveltejs|devalue|esm-env|clsx)\/|\/svelte-ui\/src\/(routes\/\+layout|hooks\.client|lib\/(api|shell|state|paths)|lib\/i18n\/(i18n|enShell))|\/ProblemCatalogue\.ts$/,
  minShareCount: 2
}

/** Buttons, notes, icons: small things of which every page has some. */
const parts = {
  name: "parts",
  test: /\/svelte-ui\/src\/lib\/ui\/(?!Menu|Dialog|Select|CodeBlock|VirtualRows|CopyButton)|\/@lucide\//,
  minShareCount: 2
}

export default defineConfig({
  environments: {
    client: { build: { rolldownOptions: { output: { codeSplitting: { groups: [boot, shell, parts] } } } } }
  },
  plugins: [
    announcerWithoutStyleAttribute,
    errorPageAtOnce,
    tailwindcss(),
    sveltekit({
      // Pages are rendered ahead where nothing but data is missing; the shell is for the others.
      adapter: adapter({ fallback: "shell.html", precompress: true }),
      // A page can be painted as soon as its document is there.
      inlineStyleThreshold: Number.POSITIVE_INFINITY,
      // The shell is sent at any depth, and all pages are alike.
      paths: { relative: false },
      // Not the time of the build: the same sources give the same files.
      version: { name: manifest.version },
      csp: {
        mode: "hash",
        directives: {
          "default-src": ["self"],
          "script-src": ["self", firstScriptHash],
          "style-src": ["self"],
          "img-src": ["self", "data:"],
          "connect-src": ["self"],
          "object-src": ["none"],
          "base-uri": ["none"],
          "form-action": ["self"],
          // Strings never become markup here; the framework's own templates have a policy of their own.
          "require-trusted-types-for": ["script"],
          "trusted-types": ["svelte-trusted-html"]
        }
      }
    })
  ],
  server: {
    proxy: {
      "/api": {
        target: backend,
        ws: true,
        changeOrigin: true,
        // The backend answers only to pages of its own: to it, this one is.
        configure: (proxy) => {
          proxy.on("proxyReq", (request) => request.hasHeader("origin") && request.setHeader("origin", backend))
          proxy.on("proxyReqWs", (request) => request.setHeader("origin", backend))
        }
      }
    }
  }
})
