/** What holds for the page as a whole: login, language, theme, policy, size, and an address without a secure context. */
import { gzipSync } from "node:zlib"
import { afterAll, afterEach, assert, beforeAll, it } from "vitest"
import { type Browser, chromium } from "playwright"
import { chromiumOptions } from "../../scripts/chromium.ts"
import { assertAccessible, closeAll, launch, type Opened, openPage, ownComplaints, picture } from "./browser.ts"
import { type Backend, startBackend } from "./programs.ts"

const token = "correct-horse-battery-staple"
let browser: Browser
let backend: Backend
let guarded: Backend
const opened: Array<Opened> = []

beforeAll(async () => {
  ;[browser, backend, guarded] = await Promise.all([
    launch(),
    startBackend('[server]\nallowed_hosts = ["yoi.test"]\n'),
    startBackend('[server]\naccess_token_ref = "env:YOI_E2E_ACCESS"\n', { YOI_E2E_ACCESS: token })
  ])
})
afterAll(async () => {
  await browser?.close()
  await backend?.stop()
  await guarded?.stop()
})
afterEach(() => closeAll(opened))
const open = async (url: string, options: Parameters<typeof openPage>[1] = {}) => {
  const one = await openPage(browser, options)
  opened.push(one)
  await one.page.goto(url)
  return one.page
}

/** Script of the settings page, gzipped as a server would. */
const budgetBytes = 90_000

it("the settings page loads at most 90 kB of script", async () => {
  const one = await openPage(browser)
  opened.push(one)
  const bodies: Array<Promise<Buffer>> = []
  one.page.on("response", (response) => {
    if (new URL(response.url()).pathname.endsWith(".js")) bodies.push(response.body())
  })
  await one.page.goto(`${backend.url}/settings/connections`)
  await one.page.getByRole("button", { name: "Export", exact: true }).waitFor()
  await one.page.waitForLoadState("networkidle")
  const sizes = (await Promise.all(bodies)).map((body) => gzipSync(body).length)
  const total = sizes.reduce((sum, size) => sum + size, 0)
  assert.isAbove(sizes.length, 5)
  assert.isAtMost(total, budgetBytes)
})

it("the document alone shows what the page is, before any script has run", async () => {
  const page = await open(`${backend.url}/settings/connections`, { javaScriptEnabled: false })
  await page.getByRole("heading", { name: "Runtime connections", level: 1 }).waitFor()
  await page.getByRole("link", { name: "Workers" }).first().waitFor()
  assert.strictEqual(await page.evaluate(() => getComputedStyle(document.querySelector("main")!).flexGrow), "1")
})

it("a page that was rendered in English is not seen by who reads another language", async () => {
  const one = await openPage(browser, { locale: "ja-JP" })
  opened.push(one)
  // Whatever can be seen, in every frame that is drawn.
  await one.page.addInitScript(() => {
    const seen = new Set<string>()
    Object.assign(globalThis, { seen })
    const look = () => {
      const title = document.querySelector("h1")
      if (title !== null && getComputedStyle(title).visibility === "visible") seen.add(title.textContent)
      requestAnimationFrame(look)
    }
    look()
  })
  await one.page.goto(`${backend.url}/settings/connections`)
  await one.page.getByRole("row").filter({ hasText: "backend-internal" }).waitFor()
  assert.deepStrictEqual(await one.page.evaluate(() => [...(globalThis as unknown as { seen: Set<string> }).seen]), [
    "ランタイム接続"
  ])
})

it("nothing jumps while the settings page loads", async () => {
  const one = await openPage(browser)
  opened.push(one)
  await one.page.addInitScript(() => {
    const seen = globalThis as unknown as { shift: number }
    seen.shift = 0
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries() as Array<PerformanceEntry & { value: number }>) seen.shift += entry.value
    }).observe({ type: "layout-shift", buffered: true })
  })
  await one.page.goto(`${backend.url}/settings/connections`)
  await one.page.getByRole("row").filter({ hasText: "backend-internal" }).waitFor()
  await one.page.waitForLoadState("networkidle")
  const shift = await one.page.evaluate(() => (globalThis as unknown as { shift: number }).shift)
  assert.isAtMost(shift, 0.1)
})

it("the page's own policy allows no inline script or style, and nothing on it needs any", async () => {
  const page = await open(`${backend.url}/`)
  await page.getByRole("article").first().waitFor()
  const policy = await page.locator('meta[http-equiv="content-security-policy"]').getAttribute("content")
  assert.notInclude(policy ?? "", "unsafe")
  const { headers } = await fetch(`${backend.url}/`)
  assert.include(headers.get("content-security-policy") ?? "", "frame-ancestors 'none'")
  assert.strictEqual(headers.get("x-content-type-options"), "nosniff")
  assert.strictEqual(headers.get("referrer-policy"), "no-referrer")
  const refused = await page.evaluate(() => {
    const errors: Array<string> = []
    const script = document.createElement("script")
    const style = document.createElement("div")
    const attempts = [
      () => (script.textContent = "window.injected = true"),
      () => (document.body.innerHTML += "<img src=x onerror='window.injected = true'>"),
      () => style.setAttribute("style", "position: fixed")
    ]
    for (const attempt of attempts)
      try {
        attempt()
      } catch (error) {
        errors.push(String(error))
      }
    document.body.append(script, style)
    return { errors: errors.length, styled: getComputedStyle(style).position }
  })
  assert.strictEqual(refused.errors, 2)
  assert.strictEqual(refused.styled, "static")
  assert.isFalse(await page.evaluate(() => "injected" in globalThis))
  // The refusals above are what was to be seen.
  opened[0]!.complaints.length = 0
})

it("the page follows the browser's language, can be switched, and remembers", async () => {
  const page = await open(`${backend.url}/settings/appearance`, { locale: "ja-JP" })
  await page.getByRole("heading", { name: "表示" }).waitFor()
  await assertAccessible(page)
  await page.getByRole("combobox", { name: "言語" }).selectOption("en")
  await page.getByRole("heading", { name: "Appearance" }).waitFor()
  assert.strictEqual(await page.evaluate(() => document.documentElement.lang), "en")
  await page.reload()
  await page.getByRole("heading", { name: "Appearance" }).waitFor()
  await page.goto(`${backend.url}/`)
  await page.getByRole("article").first().waitFor()

  const japanese = await open(`${backend.url}/`, { locale: "ja-JP" })
  await japanese.getByRole("article").first().getByText("稼働中").waitFor()
  await assertAccessible(japanese)
  await picture(japanese, "overview-ja")
})

it("light, dark or as the system is, before the first paint", async () => {
  const page = await open(`${backend.url}/settings/appearance`, { colorScheme: "dark" })
  await page.getByRole("heading", { name: "Appearance" }).waitFor()
  const dark = () => page.evaluate(() => document.documentElement.classList.contains("dark"))
  assert.isTrue(await dark())
  await assertAccessible(page)
  await picture(page, "appearance-dark")
  await page.getByRole("main").getByText("Light", { exact: true }).click()
  assert.isFalse(await dark())
  await page.reload({ waitUntil: "commit" })
  await page.getByRole("heading", { name: "Appearance" }).waitFor()
  assert.isFalse(await dark())
})

it("an address that leads nowhere says so", async () => {
  const page = await open(`${backend.url}/nowhere`)
  await page.getByRole("heading", { name: "Nothing here" }).first().waitFor()
  await assertAccessible(page)
})

it("a backend that went away is told, and what was known stays", async () => {
  const own = await startBackend()
  const page = await open(`${own.url}/`)
  await page.getByRole("article").first().waitFor()
  await own.stop()
  await page.getByRole("alert").getByText("The backend cannot be reached.").waitFor()
  await page.getByText("Showing what was last known.").waitFor()
  assert.strictEqual(await page.getByRole("article").count(), 1)
  await assertAccessible(page)
  await picture(page, "overview-offline")
})

it("a backend with a token asks for it first, and logs out again", async () => {
  const page = await open(`${guarded.url}/workers`)
  await page.getByRole("heading", { name: "Log in" }).waitFor()
  await assertAccessible(page)
  await page.getByLabel("Access token").fill("wrong")
  await page.getByRole("button", { name: "Log in" }).click()
  await page.getByText("The token was not accepted.").waitFor()
  await picture(page, "login")
  await page.getByLabel("Access token").fill(token)
  await page.keyboard.press("Enter")
  await page.getByRole("heading", { name: "Workers", exact: true }).waitFor()
  assert.strictEqual(await page.evaluate(() => document.cookie), "")
  await page.goto(`${guarded.url}/settings/appearance`)
  await page.getByRole("button", { name: "Log out" }).click()
  await page.getByRole("heading", { name: "Log in" }).waitFor()
  await page.reload()
  await page.getByRole("heading", { name: "Log in" }).waitFor()
})

it("on a plain HTTP address of a network, where browsers withhold APIs, everything works", async () => {
  const options = chromiumOptions()
  const lan = await chromium.launch({
    ...options,
    args: [...(options.args ?? []), "--host-resolver-rules=MAP yoi.test 127.0.0.1"]
  })
  try {
    const { page, context, complaints } = await openPage(lan)
    await page.goto(`http://yoi.test:${new URL(backend.url).port}/workers/new`)
    assert.isFalse(await page.evaluate(() => globalThis.isSecureContext))
    await page.getByRole("textbox", { name: /^First input/ }).fill("over the network")
    await page.getByRole("button", { name: "Create worker" }).click()
    const entry = page.getByRole("article").filter({ hasText: "over the network" }).last()
    await page.getByText("Live", { exact: true }).waitFor()
    await entry.hover()
    await entry.getByRole("button", { name: "Copy text" }).click()
    await page.getByRole("status").getByText("Copied").waitFor()
    await page.getByRole("textbox", { name: "Message" }).focus()
    await page.keyboard.press("ControlOrMeta+V")
    assert.strictEqual(await page.getByRole("textbox", { name: "Message" }).inputValue(), "over the network")
    // The browser says itself that a header has no effect without a secure context.
    assert.deepStrictEqual(
      ownComplaints(complaints).filter((line) => !line.includes("Cross-Origin-Opener-Policy")),
      []
    )
    await context.close()
  } finally {
    await lan.close()
  }
})
