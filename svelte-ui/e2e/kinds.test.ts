/** The form of a connection is made from its kind's schema: kinds that nobody here has written, in a real browser. */
import { afterAll, afterEach, assert, beforeAll, it } from "vitest"
import type { Browser } from "playwright"
import { assertAccessible, assertFits, closeAll, launch, type Opened, openPage, phone, picture } from "./browser.ts"
import { type Backend, startBackend } from "./programs.ts"

let browser: Browser
let backend: Backend
const opened: Array<Opened> = []

beforeAll(async () => {
  ;[browser, backend] = await Promise.all([launch(), startBackend()])
})
afterAll(async () => {
  await browser?.close()
  await backend?.stop()
})
afterEach(() => closeAll(opened))

const root = "/api/settings/runtime-connections"
const container = {
  kind: "acme.container",
  label: "Container",
  description: "A worker-runtime in a container of its own.",
  endpoint: "none",
  secret_fields: ["token_ref", "registry_ref", "secrets"],
  options_schema: {
    type: "object",
    required: ["image", "pull", "limits"],
    additionalProperties: false,
    properties: {
      image: { type: "string", title: "Image", description: "With its tag or digest.", pattern: "^[a-z0-9./:@-]+$" },
      pull: {
        title: "Pull the image",
        oneOf: [
          { const: "missing", title: "When it is not there" },
          { const: "always", title: "At every start" }
        ],
        default: "missing"
      },
      command: { type: "array", title: "Command", items: { type: "string", maxLength: 40 }, maxItems: 8 },
      environment: { type: "object", title: "Environment", additionalProperties: { type: "string" } },
      secrets: {
        type: "object",
        title: "Secret variables",
        description: "Handed to the container by name.",
        additionalProperties: { type: "string" }
      },
      registry_ref: { type: "string", title: "Registry login" },
      capabilities: {
        type: "array",
        title: "Capabilities",
        items: { type: "string", enum: ["net_raw", "sys_ptrace", "sys_nice"] }
      },
      volume: {
        title: "Volume",
        anyOf: [
          {
            type: "object",
            title: "Folder of the host",
            required: ["type", "path"],
            properties: { type: { type: "string", enum: ["bind"] }, path: { type: "string", title: "Path" } }
          },
          {
            type: "object",
            title: "In memory",
            required: ["type"],
            properties: {
              type: { type: "string", enum: ["tmpfs"] },
              size_mib: { type: "integer", title: "Size (MiB)", minimum: 1 }
            }
          }
        ]
      },
      read_only: { type: "boolean", title: "Read-only files", description: "Nothing can be written but /tmp." },
      limits: {
        type: "object",
        title: "Limits",
        required: ["memory_mib"],
        properties: {
          memory_mib: { type: "integer", title: "Memory (MiB)", minimum: 16, maximum: 65_536 },
          cpus: { type: "number", title: "Processors", exclusiveMinimum: 0, examples: [1.5] }
        }
      }
    }
  }
}

const openForm = async (options: Parameters<typeof openPage>[1] = {}) => {
  const one = await openPage(browser, options)
  opened.push(one)
  const { page } = one
  const own = (await (await fetch(`${backend.url}${root}/kinds`)).json()) as { kinds: ReadonlyArray<object> }
  await page.route(`**${root}/kinds`, (route) => route.fulfill({ json: { kinds: [...own.kinds, container] } }))
  await page.goto(`${backend.url}/settings/connections/new`)
  return page
}

it("every part of a schema becomes the control that fits it, and what is typed becomes the value that it describes", async () => {
  const page = await openForm()
  const field = (name: RegExp) => page.getByRole("textbox", { name })
  const save = page.getByRole("button", { name: "Save", exact: true })
  const sent: Array<{ readonly options: object }> = []
  await page.route(`**${root}`, (route) => {
    if (route.request().method() !== "POST") return route.continue()
    sent.push(route.request().postDataJSON() as { options: object })
    const errors = [
      { pointer: "/options/command/1", code: "invalid" },
      { pointer: "/options/limits", code: "invalid", message: "Together this is more than the host has." },
      { pointer: "/options/secrets/API_KEY", code: "raw_secret" }
    ]
    return route.fulfill({
      status: 400,
      json: { type: "about:blank", title: "The request is not valid.", status: 400, code: "invalid_request", errors }
    })
  })
  await page.getByRole("combobox", { name: "Kind" }).selectOption("acme.container")
  await page.getByText("A worker-runtime in a container of its own.").waitFor()
  // No address, but a token: the kind says so.
  assert.strictEqual(await field(/^Endpoint/).count(), 0)
  await field(/^Token reference/).fill("hunter2")
  await field(/^Id/).fill("box")
  await page.getByRole("combobox", { name: "Pull the image" }).selectOption({ label: "At every start" })
  await field(/^Command/).fill("serve\n--quiet")
  await field(/^Environment/).fill("LANG = C.UTF-8\nOPTIONS")
  await field(/^Secret variables/).fill("API_KEY = hunter2")
  await field(/^Registry login/).fill("hunter2")
  await page.getByRole("checkbox", { name: "sys_nice" }).check()
  await page.getByRole("checkbox", { name: "net_raw" }).check()
  await page.getByRole("checkbox", { name: "Read-only files" }).check()
  await page.getByRole("combobox", { name: /^Type/ }).selectOption({ label: "In memory" })
  await field(/^Size/).fill("64")
  await field(/^Memory/).fill("8")
  await field(/^Processors/).fill("0")
  await save.click()
  await page.getByText("Some fields need attention.").waitFor()
  const refused = "Only a reference such as env:NAME may stand here, never the secret itself."
  for (const text of [
    "This is required.",
    "Line 2: Write a name, = and the value.",
    `Line 1: ${refused}`,
    "At least 16.",
    "More than 0."
  ])
    await page.getByText(text, { exact: true }).first().waitFor()
  assert.strictEqual(await page.getByText(refused, { exact: true }).count(), 2)
  // Whatever was typed where only a reference may stand has not left the page.
  assert.strictEqual(sent.length, 0)
  assert.isTrue(await field(/^Token reference/).evaluate((element) => element === document.activeElement))
  await assertAccessible(page)

  await field(/^Token reference/).fill("local:box")
  await field(/^Image/).fill("registry.example/runtime:2")
  await field(/^Environment/).fill("LANG = C.UTF-8\nOPTIONS = --a=b")
  await field(/^Secret variables/).fill("API_KEY = env:API_KEY")
  await field(/^Registry login/).fill("file:registry")
  await field(/^Memory/).fill("512")
  await field(/^Processors/).fill("1.5")
  await page.mouse.move(0, 0)
  await picture(page, "connection-add-plugin", 1_950)
  await save.click()
  await page.getByText("Line 2: This is not valid.").waitFor()
  await page.getByText("API_KEY: Secrets are not stored here. Name the secret in the token reference.").waitFor()
  await page.getByRole("group", { name: "Limits" }).getByText("This is not valid.").waitFor()
  await assertAccessible(page)
  assert.deepStrictEqual(sent[0]?.options, {
    image: "registry.example/runtime:2",
    pull: "always",
    command: ["serve", "--quiet"],
    environment: { LANG: "C.UTF-8", OPTIONS: "--a=b" },
    secrets: { API_KEY: "env:API_KEY" },
    registry_ref: "file:registry",
    capabilities: ["net_raw", "sys_nice"],
    volume: { type: "tmpfs", size_mib: 64 },
    read_only: true,
    limits: { memory_mib: 512, cpus: 1.5 }
  })

  // Another kind has options of its own; what was typed comes back with its kind.
  await page.getByRole("combobox", { name: "Kind" }).selectOption("remote_http")
  assert.strictEqual(await field(/^Image/).count(), 0)
  await page.getByRole("combobox", { name: "Kind" }).selectOption("acme.container")
  assert.strictEqual(await field(/^Image/).inputValue(), "registry.example/runtime:2")
})

it("on a phone in Japanese the form of a plugin's kind fits", async () => {
  const page = await openForm({ viewport: phone, locale: "ja-JP", isMobile: true, hasTouch: true })
  await page.getByRole("combobox", { name: "種類" }).selectOption("acme.container")
  await page.getByText("1 行に 1 つ、名前 = 値 の形で書きます。").first().waitFor()
  await assertFits(page)
  await assertAccessible(page)
})
