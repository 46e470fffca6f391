/** Workers and their console in a real browser against the real backend with its built-in runtime. */
import { afterAll, afterEach, assert, beforeAll, it, vi } from "vitest"
import type { Browser, Page } from "playwright"
import {
  assertAccessible,
  assertFits,
  closeAll,
  desktop,
  launch,
  type Opened,
  openPage,
  phone,
  picture
} from "./browser.ts"
import { type Backend, startBackend, startWire, type Wire } from "./programs.ts"
import { script } from "./script.ts"

let browser: Browser
let backend: Backend
let wire: Wire
const opened: Array<Opened> = []

beforeAll(async () => {
  wire = await startWire()
  ;[browser, backend] = await Promise.all([
    launch(),
    startBackend(`[server]\nallowed_hosts = ["127.0.0.1:${wire.port}"]\n`)
  ])
  wire.to(backend.url)
})
afterAll(async () => {
  await browser?.close()
  await backend?.stop()
  await wire?.close()
})
afterEach(() => closeAll(opened))

const open = async (options: Parameters<typeof openPage>[1] = {}) => {
  const one = await openPage(browser, options)
  opened.push(one)
  return one.page
}
const url = (path: string) => `${backend.url}${path}`
const entries = (page: Page) => page.getByRole("region", { name: "Transcript" }).getByRole("article")
const message = (page: Page) => page.getByRole("textbox", { name: "Message" })

const post = async <A>(path: string, body: unknown): Promise<A> => {
  const response = await fetch(url(path), {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body)
  })
  const answer: unknown = await response.json()
  assert.isTrue(response.ok, JSON.stringify(answer))
  return answer as A
}
const newWorker = async (display_name: string) => {
  const { worker } = await post<{ worker: { worker_id: string } }>("/api/runtimes/backend-internal/workers", {
    display_name
  })
  return worker.worker_id
}
const stateOf = async (workerId: string) => {
  const response = await fetch(url(`/api/runtimes/backend-internal/workers/${workerId}`))
  return ((await response.json()) as { worker: { state: string } }).worker.state
}
/** Sends as another client would, once the worker takes input. */
const input = async (workerId: string, content: string) => {
  await vi.waitUntil(async () => (await stateOf(workerId)) === "idle", { timeout: 10_000, interval: 20 })
  await post(`/api/runtimes/backend-internal/workers/${workerId}/input`, { content })
}
const consoleOf = (workerId: string) => `/workers/backend-internal/${workerId}`

it("a person creates a worker, converses, reloads without loss, and stops it", async () => {
  const page = await open()
  await page.goto(url("/workers"))
  await page.getByRole("heading", { name: "No workers yet" }).waitFor()
  await assertAccessible(page)
  await picture(page, "workers-empty")

  await page.getByRole("main").getByRole("link", { name: "New worker" }).first().click()
  await page.getByRole("textbox", { name: /^Name/ }).fill("Reviewer")
  await page.getByRole("textbox", { name: /^First input/ }).fill("Hello there")
  await page.getByRole("radio", { name: /Built-in runtime/ }).waitFor()
  await assertAccessible(page)
  await picture(page, "new-worker")
  await page.getByRole("button", { name: "Create worker" }).click()

  await page.waitForURL(/\/workers\/backend-internal\//)
  await entries(page).getByText("Hello there").nth(1).waitFor()
  await page.getByText("Live", { exact: true }).waitFor()

  await message(page).fill(
    "## Plan\n\n1. Read **everything**\n2. See [the docs](https://example.org/docs)\n\n```ts\nconst a = 1 < 2\n```"
  )
  await message(page).press("Enter")
  await page.getByRole("link", { name: /the docs/ }).waitFor()
  await page.getByText("Idle", { exact: true }).waitFor()
  assert.strictEqual(await message(page).inputValue(), "")
  assert.strictEqual(await entries(page).count(), 4)
  await page.mouse.move(0, 0)
  await assertAccessible(page)
  await picture(page, "console")

  await page.reload()
  await page.getByRole("link", { name: /the docs/ }).waitFor()
  assert.strictEqual(await entries(page).count(), 4)

  await page.getByRole("button", { name: "Stop worker" }).click()
  const dialog = page.getByRole("dialog", { name: "Stop this worker?" })
  await assertAccessible(page)
  await picture(page, "console-stop")
  await dialog.getByRole("button", { name: "Stop worker" }).click()
  await page.getByText("This worker was stopped.").waitFor()
  await page.getByText("Ended", { exact: true }).waitFor()
  await page.goto(url("/workers?state=stopped"))
  await page.getByRole("link", { name: "Reviewer" }).waitFor()
})

it("a confirmation covers nothing that a person writes or presses", async () => {
  const workerId = await newWorker("Quiet")
  await input(workerId, "one")
  for (const viewport of [desktop, phone]) {
    const page = await open({ viewport })
    await page.goto(url(consoleOf(workerId)))
    await entries(page).nth(1).waitFor()
    await entries(page).first().hover()
    await page.getByRole("button", { name: "Copy text" }).first().click()
    const notice = page.getByRole("status").getByText("Copied")
    await notice.waitFor()
    const told = (await notice.locator("..").boundingBox())!
    const { bottom, top } = await page.evaluate(() => ({
      bottom: document.querySelector("header")!.getBoundingClientRect().bottom,
      top: document.querySelector("form")!.parentElement!.getBoundingClientRect().top
    }))
    assert.isAtLeast(told.y, bottom)
    assert.isAtMost(told.y + told.height, top)
  }
})

it("what a worker writes is text: no script runs, no hostile link leads anywhere, links tell no referrer", async () => {
  const page = await open()
  const dialogs: Array<string> = []
  page.on("dialog", (dialog) => {
    dialogs.push(dialog.message())
    void dialog.dismiss()
  })
  const workerId = await newWorker("Hostile")
  await page.goto(url(consoleOf(workerId)))
  await input(
    workerId,
    "<script>alert(1)</script><img src=x onerror=alert(2)>\n\n[run](javascript:alert(3)) [home](/settings) ![pixel](https://example.org/p.png) [out](https://example.org)"
  )
  const answer = entries(page).last()
  await answer.getByRole("link", { name: /out/ }).waitFor()
  assert.strictEqual(await answer.locator("script, img").count(), 0)
  const hrefs = await answer.locator("a[target]").evaluateAll((links) => links.map((link) => link.getAttribute("href")))
  assert.deepStrictEqual(hrefs, ["https://example.org/p.png", "https://example.org/"])
  for (const rel of await answer
    .locator("a[target]")
    .evaluateAll((links) => links.map((link) => link.getAttribute("rel"))))
    assert.match(rel ?? "", /noopener noreferrer/)
  assert.deepStrictEqual(dialogs, [])
})

it("a cut stream comes back by itself: nothing is lost, nothing is shown twice", async () => {
  const page = await open()
  const workerId = await newWorker("Cut")
  await page.goto(`http://127.0.0.1:${wire.port}${consoleOf(workerId)}`)
  await page.getByText("Live", { exact: true }).waitFor()
  await input(workerId, "before the cut")
  await entries(page).getByText("before the cut").nth(1).waitFor()

  wire.hold(true)
  wire.cut()
  await page
    .getByText(/Reconnecting|offline/)
    .first()
    .waitFor()
  await input(workerId, "during the cut")
  await picture(page, "console-reconnecting")
  wire.hold(false)
  await entries(page).getByText("during the cut").nth(1).waitFor({ timeout: 60_000 })
  await page.getByText("Live", { exact: true }).waitFor()

  for (let round = 0; round < 3; round++) {
    await input(workerId, `round ${round} ${"word ".repeat(40)}`)
    wire.cut()
    await entries(page).getByText(`round ${round}`).nth(1).waitFor({ timeout: 60_000 })
  }
  // Until then a last row says that the worker is at work.
  await page.getByText("Idle", { exact: true }).waitFor()
  const numbers = await entries(page).evaluateAll((all) => all.map((one) => one.getAttribute("aria-label")))
  const expected = Array.from({ length: 10 }, (_, index) => `${index % 2 === 0 ? "You" : "Worker"}, Entry ${index + 1}`)
  assert.deepStrictEqual(numbers, expected)
})

it("a lost answer to a message is repeated without sending it twice", async () => {
  const page = await open()
  const workerId = await newWorker("Once")
  await page.goto(url(consoleOf(workerId)))
  await page.getByText("Live", { exact: true }).waitFor()
  await page.route(/\/input$/, async (route) => {
    await route.fetch()
    await route.abort("connectionreset")
  })
  await message(page).fill("only once")
  await message(page).press("Enter")
  await page.getByRole("alert").getByText("The backend cannot be reached.").waitFor()
  assert.strictEqual(await message(page).inputValue(), "only once")
  await page.getByText("Idle", { exact: true }).waitFor()
  await page.unroute(/\/input$/)
  await page.getByRole("alert").getByRole("button", { name: "Try again" }).click()
  await page.waitForFunction(() => document.querySelector("textarea")?.value === "")
  await entries(page).getByText("only once").nth(1).waitFor()
  assert.strictEqual(await entries(page).count(), 2)
})

it("a draft survives a reload; sent to a busy worker it waits, also through a reload, and starts when its turn comes", async () => {
  const page = await open()
  const workerId = await newWorker("Occupied")
  await page.goto(url(consoleOf(workerId)))
  await page.getByText("Live", { exact: true }).waitFor()
  await message(page).fill("half a thought")
  await page.reload()
  await page.getByText("Live", { exact: true }).waitFor()
  assert.strictEqual(await message(page).inputValue(), "half a thought")
  await input(workerId, "/wait 60000 done")
  await page.getByText("Busy", { exact: true }).waitFor()
  await page.getByText("Working", { exact: true }).waitFor()
  await message(page).press("Enter")
  await page.getByRole("region", { name: "1 input waits" }).getByText("half a thought").waitFor()
  await page.reload()
  await page.getByRole("region", { name: "1 input waits" }).getByText("half a thought").waitFor()
  assert.strictEqual(await entries(page).getByText("half a thought").count(), 0)

  // As many as may wait, from somewhere else; one more stays where it was typed.
  for (let number = 2; number <= 16; number++)
    await post(`/api/runtimes/backend-internal/workers/${workerId}/input`, { content: `no. ${number}`, mode: "queue" })
  await page.getByRole("region", { name: "16 inputs wait" }).waitFor()
  await message(page).fill("one too many")
  await message(page).press("Enter")
  await page.getByRole("alert").getByText("As many inputs wait for the worker as may.").waitFor()
  assert.strictEqual(await message(page).inputValue(), "one too many")

  await page.getByRole("button", { name: "Interrupt turn" }).click()
  await entries(page).getByText("no. 16").nth(1).waitFor()
  await page.getByText("Idle", { exact: true }).waitFor()
  await page.getByRole("region", { name: /wait/ }).waitFor({ state: "detached" })
  // The list follows its end: what came first is out of sight by now.
  await page.getByRole("region", { name: "Transcript" }).evaluate((list) => list.scrollTo(0, 0))
  await entries(page).getByText("half a thought").nth(1).waitFor()
})

it("ten thousand entries: the end shows at once, the past is read when it is looked at, a link leads to its entry", async () => {
  const page = await open()
  const workerId = await newWorker("Long")
  // The past is served as the API would; making ten thousand real entries would take longer than it proves.
  const total = 10_000
  const item = (sequence: number) => ({
    sequence,
    role: "assistant",
    content: `Entry number ${sequence}.`,
    event_id: sequence
  })
  await page.route(/\/transcript\?/, (route) => {
    const asked = new URL(route.request().url()).searchParams
    const start = Number(asked.get("start"))
    const limit = Number(asked.get("limit"))
    const items = Array.from({ length: Math.min(limit, total - start) }, (_, index) => item(start + index + 1))
    return route.fulfill({
      json: {
        transcript: {
          start,
          limit,
          total_items: total,
          next_start: null,
          items,
          runtime_id: "backend-internal",
          worker_id: workerId
        }
      }
    })
  })
  await page.routeWebSocket(/events\/ws/, (socket) => {
    const data = {
      status: "idle",
      state: "idle",
      transcript: {
        start: total - 50,
        total_items: total,
        items: Array.from({ length: 50 }, (_, index) => item(total - 49 + index))
      },
      in_flight: null,
      as_of: String(total)
    }
    socket.send(
      JSON.stringify({
        kind: "event",
        envelope: { cursor: "c", event_id: String(total), payload: { event: "snapshot", data } }
      })
    )
  })
  await page.goto(url(consoleOf(workerId)))
  await page.getByText("Entry number 10000.").waitFor()
  assert.isBelow(await entries(page).count(), 60)

  const region = page.getByRole("region", { name: "Transcript" })
  await region.evaluate((element) => element.scrollTo(0, 0))
  await page.getByText("Entry number 1.", { exact: true }).waitFor()
  await page.getByRole("button", { name: "Jump to the end" }).click()
  await page.getByText("Entry number 10000.").waitFor()

  // Scrolling through all of it: frames stay short, only what is in view exists.
  const slowest = await region.evaluate(async (element) => {
    let last = performance.now()
    let worst = 0
    for (let step = 0; step < 60; step++) {
      element.scrollTo(0, (element.scrollHeight * step) / 60)
      await new Promise((next) => requestAnimationFrame(next))
      const now = performance.now()
      worst = Math.max(worst, now - last)
      last = now
    }
    return worst
  })
  // Far above what it takes, far below what one would call stuck: the machine that runs this may be busy.
  assert.isBelow(slowest, 1_000)
  assert.isBelow(await entries(page).count(), 60)

  await page.goto(url(`${consoleOf(workerId)}#entry-5000`))
  await page.reload()
  await page.getByText("Entry number 5000.", { exact: true }).waitFor()
  assert.isTrue(await page.getByText("Entry number 5000.", { exact: true }).isVisible())
})

it("thoughts and tool calls fold, errors stand out, text grows in place, and a resync is calm", async () => {
  const page = await open({ viewport: { width: 1280, height: 900 } })
  const workerId = await newWorker("Tools")
  const question = { sequence: 1, role: "user", content: "How long is the parser?", event_id: 1 }
  const { event, send, snapshot } = await script(page, ({ snapshot }) => snapshot("1", [question]))
  await page.goto(url(consoleOf(workerId)))
  await page.getByText("How long is the parser?").waitFor()

  event("2", "status", { status: "running", state: "busy" })
  event("2.1", "thinking_delta", { text: "The file is in src." })
  await page.getByText("The file is in src.").waitFor()
  event("3", "thinking_done", { text: "The file is in src." })
  event("3.1", "tool_call_start", { id: "t", name: "read_file" })
  event("3.2", "tool_call_args_delta", { id: "t", json: '{"path":' })
  await page.getByText("calling", { exact: true }).waitFor()
  event("4", "tool_call_done", { id: "t", name: "read_file", arguments: { path: "src/parser.ts" } })
  await page.getByText("running", { exact: true }).waitFor()
  event("5", "tool_result", { id: "t", summary: "212 lines", output: "export const parse = …", is_error: false })
  event("6", "tool_call_done", { id: "u", name: "run_tests", arguments: {} })
  event("7", "tool_result", { id: "u", summary: "2 of 40 failed", is_error: true })
  event("8", "error", { code: "overloaded", message: "The model is overloaded; trying again." })
  event("8.1", "text_delta", { text: "It has **212" })
  const growing = page.getByRole("article", { name: "Writing" })
  await growing.getByText("212").waitFor()
  event("8.2", "text_delta", { text: " lines**." })
  await growing.locator("strong").getByText("212 lines").waitFor()
  event("8.3", "usage", { input_tokens: 1_203, output_tokens: 431 })
  await page.getByText("read_file").click()
  await page.getByText('"path": "src/parser.ts"').waitFor()
  await page.getByText("failed", { exact: true }).waitFor()
  await assertAccessible(page)
  await picture(page, "console-tools")

  event("9", "text_done", { text: "It has **212 lines**.", sequence: 2 })
  event("10", "status", { status: "idle", state: "idle" })
  await page.getByText("Idle", { exact: true }).waitFor()
  assert.strictEqual(await page.getByRole("article", { name: "Writing" }).count(), 0)
  assert.strictEqual(await entries(page).filter({ hasText: "212 lines" }).count(), 1)

  send({ kind: "resync", reason: "overflow", cursor: "r" })
  await page.getByText("Catching up…").waitFor()
  assert.isTrue(await page.getByText("How long is the parser?").isVisible())
  snapshot("30", [question, { sequence: 2, role: "assistant", content: "Fresh.", event_id: 30 }])
  await page.getByText("Fresh.", { exact: true }).waitFor()
  await page.getByText("Live", { exact: true }).waitFor()
  assert.strictEqual(await entries(page).count(), 2)
})

it("a worker that does not exist says so", async () => {
  const page = await open()
  await page.goto(url("/workers/backend-internal/nobody"))
  await page.getByRole("heading", { name: "There is no such worker" }).waitFor()
  await assertAccessible(page)
})

it("everything works from the keyboard alone, and news are announced until paused", async () => {
  const page = await open()
  const workerId = await newWorker("Keys")
  await page.goto(url("/workers"))
  await page.getByRole("link", { name: "Keys", exact: true }).focus()
  await page.keyboard.press("Enter")
  await page.getByText("Live", { exact: true }).waitFor()
  await message(page).focus()
  await page.keyboard.type("first line")
  await page.keyboard.press("Shift+Enter")
  await page.keyboard.type("second line")
  await page.keyboard.press("Enter")
  await entries(page).getByText("first line").nth(1).waitFor()
  await page
    .getByRole("log")
    .getByText(/^Worker: first line/)
    .waitFor()

  await page.getByRole("button", { name: "Pause announcements" }).press("Enter")
  await input(workerId, "in silence")
  await entries(page).getByText("in silence").nth(1).waitFor()
  assert.strictEqual(await page.getByRole("log").getByText("in silence").count(), 0)

  await page.getByRole("button", { name: "Cancel worker" }).press("Enter")
  await page.getByRole("dialog", { name: "Cancel this worker?" }).waitFor()
  await page.keyboard.press("Escape")
  assert.strictEqual(await page.getByRole("dialog").count(), 0)
  assert.strictEqual(await page.evaluate(() => document.activeElement?.textContent?.trim()), "Cancel worker")
  await page.keyboard.press("Enter")
  await page.getByRole("dialog").getByRole("button", { name: "Cancel worker" }).press("Enter")
  await page.getByText("This worker was cancelled.").waitFor()
})

it("on a phone, in the dark, everything fits and the menu ends the worker", async () => {
  const page = await open({ viewport: phone, colorScheme: "dark", hasTouch: true, isMobile: true })
  const workerId = await newWorker("Pocket, with a name that is much longer than any phone is wide")
  await input(
    workerId,
    "```\n" + "a very long line of code ".repeat(20) + "\n```\n\nhttps://example.org/" + "path/".repeat(60)
  )
  await page.goto(url(consoleOf(workerId)))
  await page.getByText("Idle", { exact: true }).waitFor()
  await assertFits(page)
  await assertAccessible(page)
  await picture(page, "phone-console")
  await page.goto(url("/workers"))
  await page.getByRole("link", { name: /Pocket/ }).waitFor()
  await assertFits(page)
  await assertAccessible(page)
  await picture(page, "phone-workers")
  await page.getByRole("link", { name: /Pocket/ }).tap()
  await page.getByRole("button", { name: "More actions" }).tap()
  await page.getByRole("menuitem", { name: "Cancel worker" }).tap()
  await page.getByRole("dialog").getByRole("button", { name: "Cancel worker" }).tap()
  await page.getByText("This worker was cancelled.").waitFor()
})
