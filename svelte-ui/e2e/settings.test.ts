/** Settings in a real browser against the real backend, with real and pretended runtimes. */
import { readFileSync, writeFileSync } from "node:fs"
import { afterAll, afterEach, assert, beforeAll, it } from "vitest"
import type { Browser, Page } from "playwright"
import { assertAccessible, assertFits, closeAll, launch, type Opened, openPage, phone, picture } from "./browser.ts"
import { type Backend, type Gate, type Program, startBackend, startGate, startRuntime } from "./programs.ts"

let browser: Browser
let backend: Backend
let remote: Program
const opened: Array<Opened> = []
let gate: Gate | undefined

beforeAll(async () => {
  ;[browser, backend, remote] = await Promise.all([launch(), startBackend(), startRuntime("Lab")])
})
afterAll(async () => {
  await browser?.close()
  await backend?.stop()
  await remote?.stop()
})
afterEach(async () => {
  await gate?.close()
  gate = undefined
  await closeAll(opened)
})

const open = async (path: string, options: Parameters<typeof openPage>[1] = {}) => {
  const one = await openPage(browser, options)
  opened.push(one)
  await one.page.goto(`${backend.url}${path}`)
  return one.page
}
const connections = "/settings/connections"
const row = (page: Page, name: string | RegExp) => page.getByRole("row").filter({ hasText: name })
const field = (page: Page, name: RegExp) => page.getByRole("textbox", { name })
const save = (page: Page) => page.getByRole("button", { name: "Save", exact: true })
const choose = async (page: Page, name: string, action: string) => {
  await page.getByRole("button", { name: `More actions: ${name}` }).click()
  await page.getByRole("menuitem", { name: action }).click()
}

it("add, test, save, apply, create a worker, converse, stop, delete", async () => {
  const page = await open(connections)
  const builtIn = row(page, "backend-internal")
  await builtIn.getByText("built-in", { exact: true }).waitFor()
  await page.getByRole("heading", { name: "Only the built-in runtime" }).waitFor()
  await assertAccessible(page)
  await builtIn.getByRole("button", { name: /More actions/ }).click()
  const locked = page.getByRole("menuitem", { name: /Delete/ })
  assert.strictEqual(await locked.getAttribute("aria-disabled"), "true")
  assert.match((await locked.textContent()) ?? "", /Part of the backend itself/)
  await page.keyboard.press("Escape")

  await page.getByRole("link", { name: "Add connection" }).first().click()
  await page.getByRole("combobox", { name: "Kind" }).selectOption("remote_http")
  await save(page).click()
  await page.getByText("Some fields need attention.").waitFor()
  assert.isTrue(await field(page, /^Id/).evaluate((element) => element === document.activeElement))

  await field(page, /^Id/).fill("lab")
  await field(page, /^Display name/).fill("Lab")
  await field(page, /^Endpoint/).fill(`${remote.url}/?q=1`)
  await save(page).click()
  await page.getByText("Leave out everything from the question mark on.").waitFor()
  assert.isTrue(await field(page, /^Endpoint/).evaluate((element) => element === document.activeElement))
  await page.getByText("How references work").click()
  await assertAccessible(page)
  await picture(page, "connection-add", 1_300)

  await field(page, /^Endpoint/).fill(remote.url)
  assert.strictEqual(await page.getByRole("alert").getByText("The endpoint is not valid.").count(), 0)
  await page.getByRole("button", { name: "Test connection" }).click()
  await page.getByText(/^This connection works/).waitFor()
  assert.strictEqual(await page.locator("ol > li").count(), 11)
  await page.getByText(/^This connection works/).scrollIntoViewIfNeeded()
  await assertAccessible(page)
  await picture(page, "connection-test", 1_900)
  assert.notInclude(readConfig(), "lab")

  await save(page).click()
  await page.getByText("1 change takes effect after a restart, or now.").waitFor()
  await row(page, "lab").getByText("not active yet").waitFor()
  await page.mouse.move(0, 0)
  await assertAccessible(page)
  await picture(page, "connections-pending")
  await page.getByRole("button", { name: "Review and apply" }).click()
  const preview = page.getByRole("dialog", { name: "Apply to the running backend" })
  await preview.getByText("Will be added").waitFor()
  await assertAccessible(page)
  await picture(page, "connections-apply")
  await preview.getByRole("button", { name: "Apply now" }).click()
  await preview.waitFor({ state: "detached" })
  await row(page, "lab").getByText("Running").waitFor()
  assert.strictEqual(await page.getByText("takes effect after a restart").count(), 0)

  await page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "Overview" }).click()
  const card = page.getByRole("article", { name: "Lab" })
  await card.getByText("Running").waitFor()
  await assertAccessible(page)
  await picture(page, "overview")
  await card.getByRole("link", { name: "New worker" }).click()
  assert.isTrue(await page.getByRole("radio", { name: /Lab/ }).isChecked())
  await field(page, /^Name/).fill("Far away")
  await page.getByRole("button", { name: "Create worker" }).click()
  await page.getByText("Live", { exact: true }).waitFor()
  await page.getByRole("textbox", { name: "Message" }).fill("Is anybody there?")
  await page.keyboard.press("Enter")
  await page.getByRole("article").getByText("Is anybody there?").nth(1).waitFor()
  const worker = page.url()

  await page.goto(`${backend.url}${connections}`)
  await choose(page, "Lab", "Delete")
  const deletion = page.getByRole("dialog", { name: "Delete Lab?" })
  await deletion.getByText("1 worker would be out of reach:").waitFor()
  await deletion.getByText("Far away").waitFor()
  await assertAccessible(page)
  await picture(page, "connection-delete")
  await deletion.getByRole("button", { name: "Delete connection" }).click()
  await page.getByText("Removed from the file, still active until applied.").waitFor()
  await page.getByRole("button", { name: "Review and apply" }).click()
  await preview.getByRole("button", { name: "Apply now" }).click()
  await preview.getByText("In the way").waitFor()
  await preview.getByRole("button", { name: "Cut them off and apply" }).waitFor()
  await picture(page, "connections-blocked")

  await page.goto(worker)
  await page.getByRole("button", { name: "Stop worker" }).click()
  await page.getByRole("dialog").getByRole("button", { name: "Stop worker" }).click()
  await page.getByText("This worker was stopped.").waitFor()
  await page.goto(`${backend.url}${connections}`)
  await page.getByRole("button", { name: "Review and apply" }).click()
  await preview.getByRole("button", { name: "Apply now" }).click()
  await preview.waitFor({ state: "detached" })
  await page.getByRole("heading", { name: "Only the built-in runtime" }).waitFor()
})

const readConfig = () => {
  try {
    return readFileSync(backend.configFile, "utf8")
  } catch {
    return ""
  }
}
const call = (method: string, path: string, body?: unknown) =>
  fetch(`${backend.url}/api/settings/runtime-connections${path}`, {
    method,
    headers: { "content-type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) })
  })
const addRemote = (id: string, more: object = {}) =>
  call("POST", "?apply=true", { id, endpoint: remote.url, display_name: `The ${id}`, ...more })

it("a change made elsewhere meanwhile is shown beside one's own, and nothing typed is lost", async () => {
  await addRemote("shared")
  const page = await open("/settings/connections/edit/shared")
  await field(page, /^Display name/).fill("Mine")
  await field(page, /^Token reference/).fill("env:MINE")
  await call("PATCH", "/shared", { display_name: "Theirs" })
  await save(page).click()
  const conflict = page.getByRole("alert").filter({ hasText: "Somebody else changed this meanwhile" })
  await conflict.getByRole("row", { name: "Display name Mine Theirs" }).waitFor()
  assert.strictEqual(await field(page, /^Display name/).inputValue(), "Mine")
  assert.strictEqual(await field(page, /^Token reference/).inputValue(), "env:MINE")
  await assertAccessible(page)
  await picture(page, "connection-conflict", 1_000)
  await conflict.getByRole("button", { name: "Save mine over it" }).click()
  await page.waitForURL(/connections$/)
  await row(page, "shared").getByText("Mine", { exact: true }).waitFor()
  assert.include(readConfig(), 'display_name = "Mine"')

  // By hand, in an editor: a comment and another name.
  await choose(page, "Mine", "Edit")
  await field(page, /^Display name/).fill("Mine again")
  writeFileSync(backend.configFile, `# by hand\n${readConfig().replace('"Mine"', '"By hand"')}`)
  await save(page).click()
  await conflict.getByRole("row", { name: "Display name Mine again By hand" }).waitFor()
  await conflict.getByRole("button", { name: "Take theirs" }).click()
  assert.strictEqual(await field(page, /^Display name/).inputValue(), "By hand")
  assert.include(readConfig(), "# by hand")
})

it("leaving a changed form asks first", async () => {
  const page = await open("/settings/connections/new")
  await field(page, /^Id/).fill("half")
  const asked: Array<string> = []
  page.on("dialog", (dialog) => {
    asked.push(dialog.message())
    void (asked.length === 1 ? dialog.dismiss() : dialog.accept())
  })
  const overview = page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "Overview" })
  await overview.click()
  assert.strictEqual(await field(page, /^Id/).inputValue(), "half")
  await overview.click()
  await page.getByRole("heading", { name: "Overview" }).waitFor()
  assert.strictEqual(asked.length, 2)
})

const step = (page: Page, name: string, status: string) =>
  page.locator("ol > li").filter({ hasText: new RegExp(`^\\s*${name}\\s*: ${status}`) })
const testing = (url: string) => url.includes("/test?stream=true")

it("a test shows each step when it is over, while the next is still waited for", async () => {
  gate = await startGate(remote.url)
  const page = await open("/settings/connections/new")
  await page.getByRole("combobox", { name: "Kind" }).selectOption("remote_http")
  await field(page, /^Id/).fill("slow")
  await field(page, /^Endpoint/).fill(gate.url)
  await page.getByRole("button", { name: "Test connection" }).click()
  // No answer is let through yet: what is shown now cannot have come with the report.
  await step(page, "Connection", "passed").waitFor()
  await step(page, "Name lookup", "passed").waitFor()
  await step(page, "HTTP", "waiting").waitFor()
  await step(page, "Event stream", "waiting").waitFor()
  assert.strictEqual(await page.getByText(/^This connection/).count(), 0)
  await assertAccessible(page)
  gate.open()
  await page.getByText(/^This connection works/).waitFor()
  await step(page, "HTTP", "passed").waitFor()
  assert.strictEqual(await page.locator("ol > li").count(), 11)
})

it("closing a test ends it, and one that breaks off says so and keeps what it found", async () => {
  gate = await startGate(remote.url)
  await call("POST", "", { id: "cut", endpoint: gate.url, display_name: "Cut" })
  const page = await open(connections, { locale: "ja-JP" })
  const start = page.getByRole("button", { name: "テスト: Cut" })
  await start.click()
  await step(page, "接続", "成功").waitFor()
  const ended = page.waitForEvent("requestfailed", (request) => testing(request.url()))
  await page.keyboard.press("Escape")
  assert.strictEqual((await ended).failure()?.errorText, "net::ERR_ABORTED")

  const found = { step: "tcp", status: "fail", code: "runtime_unreachable.refused", latency_ms: 1, summary: "Refused." }
  await page.route(
    (url) => testing(url.href),
    (route) =>
      route.fulfill({
        contentType: "application/x-ndjson",
        body: `${JSON.stringify({ kind: "step", step: found })}\n{"kind":"rep`
      })
  )
  await start.click()
  await page.getByRole("dialog").getByText("バックエンドの応答が途中で切れました。").waitFor()
  await step(page, "接続", "失敗").getByText("接続が拒否されました。").waitFor()
  assert.strictEqual(await page.locator("ol > li").count(), 1)
  await assertAccessible(page)
  await call("DELETE", "/cut")
})

it("an id that is taken is told at its field; a clone gets a free one", async () => {
  await addRemote("twin")
  const page = await open("/settings/connections/new")
  await page.getByRole("combobox", { name: "Kind" }).selectOption("remote_http")
  await field(page, /^Id/).fill("twin")
  await field(page, /^Endpoint/).fill(remote.url)
  await save(page).click()
  await page.getByRole("alert").getByText("The id is taken by another runtime.").waitFor()
  assert.strictEqual(await field(page, /^Id/).inputValue(), "twin")
  await page.goto(`${backend.url}/settings/connections/new?from=twin`).catch(() => undefined)
  await page.getByRole("heading", { name: "Clone of twin" }).waitFor()
  assert.strictEqual(await field(page, /^Id/).inputValue(), "twin-copy")
  assert.strictEqual(await field(page, /^Endpoint/).inputValue(), remote.url)
})

it("a plugin's kind needs no code here: its form comes from its schema", async () => {
  const page = await open("/settings/connections/new")
  await page.getByRole("combobox", { name: "Kind" }).selectOption("mock")
  await field(page, /^Id/).fill("pretended")
  await field(page, /^Latency/).fill("-1")
  await field(page, /^Workers/).fill("[")
  await save(page).click()
  await page.getByText("At least 0.").waitFor()
  await page.getByText("This is not valid JSON.").waitFor()
  await field(page, /^Latency/).fill("1")
  await field(page, /^Workers/).fill('[{"worker_id":"alpha","display_name":"Alpha","inputs":["hello"]}]')
  await page.getByRole("button", { name: "Save and apply" }).click()
  await page.waitForURL(/connections$/)
  await row(page, "pretended").getByText("Running").waitFor()
  await page.goto(`${backend.url}/workers?runtime=pretended`)
  await page.getByRole("link", { name: "Alpha" }).click()
  await page.getByText("Live", { exact: true }).waitFor()
  await page.getByRole("article").getByText("hello").first().waitFor()
})

it("a runtime that went away costs its own rows, and every page says why", async () => {
  const doomed = await startRuntime("Doomed")
  await addRemote("doomed", { endpoint: doomed.url, token_ref: "env:NOT_SET_ANYWHERE" })
  await doomed.stop()
  await call("PATCH", "/doomed?apply=true", { token_ref: null })
  const page = await open("/workers")
  await page.getByText("Workers on The doomed could not be listed.").waitFor()
  await page.getByRole("link", { name: "Alpha" }).waitFor()
  await assertAccessible(page)
  await picture(page, "workers")
  await page.goto(`${backend.url}/workers/new`)
  const choice = page.getByRole("radio", { name: /doomed/ })
  await choice.waitFor()
  assert.isTrue(await choice.isDisabled())
  await assertAccessible(page)
  await page.goto(`${backend.url}/`)
  await page.getByRole("article", { name: "The doomed" }).getByText("Unreachable").waitFor()
  await page.mouse.move(0, 0)
  await assertAccessible(page)
  await picture(page, "overview-problem")

  await page.goto(`${backend.url}/settings/diagnostics`)
  await page.getByText("runtime_unreachable").first().waitFor()
  await page.getByText("Preview").click()
  await assertAccessible(page)
  await picture(page, "diagnostics", 1_000)
  const downloading = page.waitForEvent("download")
  await page.getByRole("button", { name: "Download bundle" }).click()
  const bundle = readFileSync(await (await downloading).path(), "utf8")
  for (const secret of ["doomed", "127.0.0.1", "NOT_SET", "Alpha", "pretended"]) assert.notInclude(bundle, secret)
  assert.include(bundle, "runtime_unreachable")

  await page.goto(`${backend.url}${connections}`)
  await page.getByRole("button", { name: "Test: The doomed" }).click()
  await page.getByText("This connection does not work.").waitFor()
  await assertAccessible(page)
  await picture(page, "connection-test-failed")
})

it("the export holds the connections and no secret", async () => {
  await addRemote("exported", { token_ref: "env:EXPORTED" })
  const page = await open(connections)
  const downloading = page.waitForEvent("download")
  await page.getByRole("button", { name: "Export", exact: true }).click()
  const text = readFileSync(await (await downloading).path(), "utf8")
  assert.include(text, "[[runtimes.remote]]")
  assert.include(text, "exported")
})

it("the settings fit a phone, in Japanese too, and work from the keyboard", async () => {
  const page = await open(connections, { viewport: phone, locale: "ja-JP", isMobile: true, hasTouch: true })
  await page.getByRole("heading", { name: "ランタイム接続" }).waitFor()
  await row(page, "backend-internal").waitFor()
  assert.strictEqual(await page.evaluate(() => document.documentElement.lang), "ja")
  await assertFits(page)
  await assertAccessible(page)
  await picture(page, "phone-connections-ja")
  await page.getByRole("link", { name: "接続を追加" }).first().click()
  await page.getByRole("combobox", { name: "種類" }).selectOption("remote_http")
  await assertFits(page)
  await assertAccessible(page)
  await picture(page, "phone-connection-add-ja")

  const desk = await open(connections)
  await row(desk, "shared").waitFor()
  const menu = desk.getByRole("button", { name: "More actions: By hand" })
  await menu.focus()
  await desk.keyboard.press("ArrowDown")
  await desk.keyboard.press("End")
  assert.match(await desk.evaluate(() => document.activeElement?.textContent ?? ""), /Delete/)
  await desk.keyboard.press("Escape")
  assert.isTrue(await menu.evaluate((element) => element === document.activeElement))
  await desk.keyboard.press("Enter")
  await desk.keyboard.press("c")
  await desk.keyboard.press("Enter")
  await desk.getByRole("heading", { name: "Clone of shared" }).waitFor()
})
