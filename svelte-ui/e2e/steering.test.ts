/** Steering a worker in a real browser: first with events and answers that the test writes, so that every moment can be looked at. */
import { afterAll, afterEach, assert, beforeAll, it, vi } from "vitest"
import type { Browser, Page, Request } from "playwright"
import { assertAccessible, assertFits, closeAll, launch, type Opened, openPage, phone, picture } from "./browser.ts"
import { type Backend, startBackend } from "./programs.ts"
import { script } from "./script.ts"

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

const runtime = "/api/runtimes/backend-internal"
const message = (page: Page) => page.getByRole("textbox", { name: "Message" })
const focused = (page: Page, text: string) =>
  page.waitForFunction((wanted) => document.activeElement?.textContent?.trim() === wanted, text)
const isMessageFocused = (page: Page) => message(page).evaluate((field) => field === document.activeElement)

/** The time of scripted pages stands still, so that what is counted down looks the same every time. */
const noon = Date.UTC(2026, 10, 20, 12)

const declared = {
  "workers.input": { modes: ["reject", "queue", "interrupt"], max_queued: 16 },
  "workers.interrupt": {},
  "workers.permissions": {},
  "workers.stop": {},
  "workers.cancel": {}
}

/** The console of a worker on a runtime with these capabilities; commands are answered by the test. */
const openConsole = async (
  options: Parameters<typeof openPage>[1] = {},
  capabilities: Readonly<Record<string, object>> = declared
) => {
  const one = await openPage(browser, options)
  opened.push(one)
  const { page } = one
  await page.clock.setFixedTime(noon)
  const worker = {
    runtime_id: "backend-internal",
    worker_id: "w",
    display_name: "Gardener",
    profile: "named:gardener",
    state: "busy",
    kind: "embedded",
    transcript_len: 1,
    diagnostics: []
  }
  const described = await (await fetch(`${backend.url}${runtime}`)).json()
  await page.route(`**${runtime}`, (route) =>
    route.fulfill({ json: { runtime: { ...(described as { runtime: object }).runtime, capabilities } } })
  )
  await page.route(`**${runtime}/workers/w`, (route) => route.fulfill({ json: { worker } }))
  const commands: Array<Request> = []
  let answer: { readonly status?: number; readonly json: object } | undefined
  await page.route(/\/workers\/w\/(input|interrupt|permissions\/|queue\/)/, (route) => {
    commands.push(route.request())
    const ack = { runtime_id: "backend-internal", worker_id: "w", state: "busy", event_id: 3, transcript_sequence: 0 }
    return route.fulfill(answer ?? { json: { ack } })
  })
  const told = await script(page, ({ snapshot }) =>
    snapshot("1", [{ sequence: 1, role: "user", content: "Tidy the garden, please.", event_id: 1 }], {
      status: "running",
      state: "busy"
    })
  )
  await page.goto(`${backend.url}/workers/backend-internal/w`)
  await page.getByText("Tidy the garden, please.").waitFor()
  return {
    page,
    ...told,
    /** What the next commands are answered with; without one they are acknowledged. */
    answerWith: (next?: typeof answer) => (answer = next),
    commands,
    /** The command of this number, the first being 1, once it was sent. */
    command: async (number: number) => {
      await vi.waitUntil(() => commands.length >= number, { timeout: 10_000, interval: 10 })
      const request = commands[number - 1]!
      return {
        what: `${request.method()} ${new URL(request.url()).pathname.split("/workers/w/")[1]}`,
        body: request.postDataJSON() as unknown,
        key: request.headers()["idempotency-key"] ?? ""
      }
    }
  }
}

const request = (id: string, title: string, over: object = {}) => ({
  id,
  tool_call_id: `call-${id}`,
  title,
  options: [
    { id: "once", kind: "allow_once", name: "Allow once" },
    { id: "always", kind: "allow_always", name: "Always allow" },
    { id: "no", kind: "reject_once", name: "Reject" }
  ],
  expires_at: new Date(noon + 272_000).toISOString(),
  ...over
})
const problem = (status: number, code: string, title: string, over: object = {}) => ({
  status,
  json: { type: "about:blank", title, status, code, origin: "caller", retryable: false, instance: "request-1", ...over }
})

it("a permission request is a card with the agent's answers: answered from the keyboard, told to screen readers, kept afterwards", async () => {
  const { page, command, commands, event } = await openConsole()
  await message(page).fill("half a thought")
  event("2", "plan", {
    entries: [
      { content: "Look at the beds", priority: "medium", status: "completed" },
      { content: "Remove what is dead", priority: "high", status: "in_progress" },
      { content: "Water the rest", priority: "medium", status: "pending" }
    ]
  })
  event("3", "thinking_done", { text: "The roses are long gone." })
  event("4", "tool_call_done", {
    id: "call-p1",
    name: "Remove files",
    arguments: { path: "beds/roses", recursive: true }
  })
  event("5", "permission_request", request("p1", "Remove beds/roses and everything in it"))
  event("6", "status", { status: "paused", state: "busy" })
  event("7", "permission_request", request("p2", "Fetch https://example.org/seeds"))
  const first = page.getByRole("group", { name: /Remove beds\/roses/ })
  const second = page.getByRole("group", { name: /Fetch/ })
  await second.waitFor()
  // Nobody loses the place where they write.
  assert.isTrue(await isMessageFocused(page))
  const answers = await first.getByRole("button").allTextContents()
  assert.deepStrictEqual(
    answers.map((text) => text.trim()),
    ["", "Allow once", "Always allow", "Reject"]
  )
  await first.getByText('"path": "beds/roses"').waitFor()
  assert.match((await first.textContent()) ?? "", /Rejected in 4:32 unless you answer/)
  await page
    .getByRole("log")
    .getByText("Asks for permission: Remove beds/roses and everything in it. Answers: Allow once, Always allow, Reject")
    .waitFor()
  assert.strictEqual(await page.title(), "(2) Gardener · Yoi")
  await page.mouse.move(0, 0)
  await assertAccessible(page)
  await picture(page, "console-permission")

  await first.getByRole("button", { name: "Reject" }).focus()
  await page.keyboard.press("Enter")
  await first.getByText("Answer sent…").waitFor()
  const rejection = await command(1)
  assert.deepInclude(rejection, { what: "POST permissions/p1", body: { option_id: "no" } })
  assert.match(rejection.key, /^[0-9a-f]{32}$/)
  // On to what is still asked.
  await focused(page, "Allow once")
  event("8", "permission_resolved", { id: "p1", outcome: "selected", option_id: "no" })
  await first.getByText("Answered: Reject").waitFor()
  assert.strictEqual(await first.getByRole("button").count(), 0)
  await page.keyboard.press("Enter")
  await page.waitForFunction(() => document.activeElement instanceof HTMLTextAreaElement)
  assert.deepInclude(await command(2), { what: "POST permissions/p2", body: { option_id: "once" } })
  assert.strictEqual(commands.length, 2)
  event("9", "permission_resolved", { id: "p2", outcome: "selected", option_id: "once" })
  event("10", "status", { status: "running", state: "busy" })
  await second.getByText("Answered: Allow once").waitFor()
  assert.strictEqual(await page.title(), "Gardener · Yoi")
  assert.strictEqual(await message(page).inputValue(), "half a thought")
})

it("a request ends without an answer too: expired, called off, refused by the backend; who stood on it stays there", async () => {
  const { page, answerWith, event } = await openConsole()
  event("2", "permission_request", request("p1", "Burn the hedge", { expires_at: "2020-01-01T00:00:00Z" }))
  const card = page.getByRole("group", { name: /Burn the hedge/ })
  await card.getByText("The time to answer should be over by now.").waitFor()
  answerWith(problem(404, "permission_not_found", "No such permission request is open."))
  await card.getByRole("button", { name: "Always allow" }).focus()
  await page.keyboard.press("Space")
  await card.getByRole("alert").getByText("No such permission request is open.").waitFor()
  await focused(page, "Always allow")
  await assertAccessible(page)
  event("3", "permission_resolved", { id: "p1", outcome: "expired", option_id: "no" })
  await card.getByText("Nobody answered in time: rejected").waitFor()
  await page.waitForFunction((element) => element === document.activeElement, await card.elementHandle())
  await page.getByRole("log").getByText("Burn the hedge: Nobody answered in time: rejected").waitFor()

  event("4", "permission_request", request("p2", "Cut the grass"))
  await page.getByRole("group", { name: /Cut the grass/ }).waitFor()
  event("5", "run_end", { result: "rolled_back" })
  event("6", "status", { status: "idle", state: "idle" })
  await page
    .getByRole("group", { name: /Cut the grass/ })
    .getByText("Called off with its turn")
    .waitFor()
  await page.getByText("The turn was ended early.").waitFor()
  await assertAccessible(page)
})

it("whoever has scrolled away sees that something is asked, and a page that is loaded anew shows it again", async () => {
  const { page, event, snapshot } = await openConsole({ viewport: { width: 1280, height: 500 } })
  const entry = (sequence: number) => ({ sequence, role: "assistant", content: `Bed ${sequence}`, event_id: sequence })
  snapshot(
    "40",
    Array.from({ length: 40 }, (_, index) => entry(index + 1)),
    {
      status: "running",
      state: "busy",
      permission_requests: [request("p1", "Dig")]
    }
  )
  await page.getByRole("group", { name: /Dig/ }).waitFor()
  const region = page.getByRole("region", { name: "Transcript" })
  // The list may still be on its way to the end.
  await vi.waitUntil(
    async () => {
      await region.evaluate((element) => element.scrollTo(0, 0))
      return page.getByText("Bed 1", { exact: true }).isVisible()
    },
    { timeout: 10_000, interval: 50 }
  )
  await page.getByRole("button", { name: "It asks for permission" }).click()
  await page.getByRole("group", { name: /Dig/ }).getByRole("button", { name: "Allow once" }).waitFor()
  // More of the same turn does not push it out of sight.
  event("41", "text_done", { text: "Bed 41", sequence: 41 })
  event("42", "text_done", { text: "Bed 42", sequence: 42 })
  await page.getByText("Bed 42", { exact: true }).waitFor()
  const button = page.getByRole("group", { name: /Dig/ }).getByRole("button", { name: "Reject" })
  await page.waitForFunction(
    (element) => (element?.getBoundingClientRect().bottom ?? Infinity) < innerHeight,
    await button.elementHandle()
  )
})

it("a message to a busy worker waits, in order, and can be taken back; the choice to interrupt is made on purpose", async () => {
  const { page, answerWith, command, event } = await openConsole()
  const ack = (input_id: string, position: number) => ({
    json: {
      ack: {
        runtime_id: "backend-internal",
        worker_id: "w",
        state: "busy",
        event_id: 2,
        transcript_sequence: 0,
        queued: { input_id, position }
      }
    }
  })
  const queued = (id: string, input_id: string, content: string) =>
    event(id, "input_queued", { input_id, kind: "user", content, queued_at: "2026-11-20T00:00:00Z" })
  assert.isTrue(await page.getByRole("radio", { name: "Queue" }).isChecked())
  const long = `Then the apple trees. ${"Not too short. ".repeat(30)}`
  await message(page).fill(long)
  answerWith(ack("i1", 1))
  await message(page).press("Enter")
  await page.waitForFunction(() => document.querySelector("textarea")?.value === "")
  assert.deepInclude(await command(1), { what: "POST input", body: { kind: "user", content: long, mode: "queue" } })
  queued("2", "i1", long.slice(0, 200))
  queued("3", "i2", "And the pond?")
  queued("4", "i3", "Do not forget the gate.")
  const waiting = page.getByRole("region", { name: "3 inputs wait" })
  await waiting.waitFor()
  assert.deepStrictEqual(
    (await waiting.getByRole("listitem").allTextContents()).map((text) => text.trim().slice(0, 8)),
    ["1 Then t", "2 And th", "3 Do not"]
  )
  await message(page).fill("Stop raking.")
  await page.getByRole("radio", { name: "Queue" }).focus()
  await page.keyboard.press("ArrowRight")
  await page.getByRole("button", { name: "Interrupt and send" }).waitFor()
  await page.getByText("This turn ends at once and your message starts.").waitFor()
  await page.mouse.move(0, 0)
  await assertAccessible(page)
  await picture(page, "console-waiting")
  answerWith(problem(409, "input_queue_full", "As many inputs wait for the worker as may.", { retryable: true }))
  await page.getByRole("radio", { name: "Queue" }).check()
  await message(page).press("Enter")
  await page.getByRole("alert").getByText("As many inputs wait for the worker as may.").waitFor()
  assert.strictEqual(await message(page).inputValue(), "Stop raking.")
  const refused = await command(2)
  await page.getByRole("radio", { name: "Interrupt" }).check()
  answerWith()
  await page.getByRole("button", { name: "Interrupt and send" }).click()
  await page.waitForFunction(() => document.querySelector("textarea")?.value === "")
  const interrupting = await command(3)
  assert.deepInclude(interrupting, { body: { kind: "user", content: "Stop raking.", mode: "interrupt" } })
  assert.notStrictEqual(interrupting.key, refused.key)
  // An interruption is chosen each time.
  assert.isTrue(await page.getByRole("radio", { name: "Queue" }).isChecked())

  await waiting.getByRole("button", { name: "Take back: And the pond?" }).press("Enter")
  assert.deepInclude(await command(4), { what: "DELETE queue/i2", body: null })
  event("5", "input_unqueued", { input_id: "i2", reason: "cancelled" })
  await page.getByRole("region", { name: "2 inputs wait" }).waitFor()
  await page.waitForFunction(() => document.activeElement instanceof HTMLTextAreaElement)
  assert.strictEqual(await message(page).inputValue(), "And the pond?")
  // With something in the field, nothing of it is lost to what comes back.
  await page.getByRole("button", { name: /^Take back: Do not/ }).press("Enter")
  event("6", "input_unqueued", { input_id: "i3", reason: "cancelled" })
  await page.getByRole("region", { name: "1 input waits" }).waitFor()
  await page.getByRole("status").getByText("Taken back. It will not start.").waitFor()
  assert.strictEqual(await message(page).inputValue(), "And the pond?")
  await message(page).fill("")
  await page.getByRole("button", { name: /^Take back: Then/ }).click()
  event("7", "input_unqueued", { input_id: "i1", reason: "cancelled" })
  await page.waitForFunction((text) => document.querySelector("textarea")?.value === text, long)
  await page.getByRole("region", { name: /wait/ }).waitFor({ state: "detached" })
})

it("a turn is interrupted by its own button or Escape, which nobody takes for stopping the worker", async () => {
  const { page, answerWith, command, commands, event } = await openConsole()
  answerWith(problem(504, "runtime_timeout", "The runtime did not answer in time.", { retryable: true }))
  await message(page).focus()
  await page.keyboard.press("Escape")
  await page.getByRole("alert").getByText("The runtime did not answer in time.").waitFor()
  const { key, what } = await command(1)
  assert.strictEqual(what, "POST interrupt")
  answerWith()
  await page.getByRole("alert").getByRole("button", { name: "Try again" }).click()
  await page.getByRole("alert").waitFor({ state: "detached" })
  assert.strictEqual((await command(2)).key, key)
  await page.getByRole("button", { name: "Interrupt turn" }).press("Enter")
  assert.strictEqual((await command(3)).what, "POST interrupt")

  await page.getByRole("button", { name: "Stop worker" }).click()
  const dialog = page.getByRole("dialog", { name: "Stop this worker?" })
  await dialog.getByText("To end only what it is doing now, interrupt the turn instead.").waitFor()
  await dialog.getByRole("button", { name: "Keep it running" }).click()

  event("2", "input_queued", { input_id: "i1", kind: "user", content: "Next, the pond." })
  event("3", "run_end", { result: "rolled_back" })
  event("4", "input_unqueued", { input_id: "i1", reason: "rejected", message: "The pond is frozen." })
  event("5", "status", { status: "idle", state: "idle" })
  await page.getByText("A waiting input was refused.").waitFor()
  await page.getByText("The pond is frozen.").waitFor()
  assert.strictEqual(await page.getByRole("button", { name: "Interrupt turn" }).count(), 0)
  await message(page).focus()
  await page.keyboard.press("Escape")
  assert.strictEqual(commands.length, 3)
})

it("a runtime that declares none of it is treated as before, and says so where it asks", async () => {
  const { page, commands, event } = await openConsole({}, { "workers.input": {}, "workers.stop": {} })
  await page
    .getByText(/The worker is busy/)
    .first()
    .waitFor()
  await message(page).fill("later")
  assert.isTrue(await page.getByRole("button", { name: /^Send/ }).isDisabled())
  assert.strictEqual(await page.getByRole("button", { name: "Interrupt turn" }).count(), 0)
  assert.strictEqual(await page.getByRole("radio", { name: "Queue" }).count(), 0)
  await message(page).focus()
  await page.keyboard.press("Escape")
  await page.keyboard.press("Enter")
  event("2", "permission_request", request("p1", "Dig"))
  const card = page.getByRole("group", { name: /Dig/ })
  await card.getByText("This runtime takes no answers from here.").last().waitFor()
  assert.isTrue(await card.getByRole("button", { name: "Reject" }).isDisabled())
  assert.strictEqual(commands.length, 0)
  await assertAccessible(page)
})

it("on a phone, in Japanese and in the dark, a request fits and is answered by touch", async () => {
  const { page, command, event } = await openConsole({
    viewport: phone,
    colorScheme: "dark",
    hasTouch: true,
    isMobile: true,
    locale: "ja-JP"
  })
  event("2", "input_queued", { input_id: "i1", kind: "user", content: "次は池です。".repeat(20) })
  event("3", "permission_request", request("p1", `Run ${"a-very-long-command-without-a-space/".repeat(8)}`))
  const card = page.getByRole("group", { name: /許可を求めています/ })
  await card.waitFor()
  await page.getByRole("button", { name: "ターンを中断" }).waitFor()
  await assertFits(page)
  await assertAccessible(page)
  await picture(page, "phone-permission-ja")
  await card.getByRole("button", { name: "Allow once" }).tap()
  await card.getByText("回答を送信しました…").waitFor()
  assert.strictEqual((await command(1)).what, "POST permissions/p1")
  // A field that takes the focus would open the keyboard over what was just read.
  assert.isFalse(await page.evaluate(() => document.activeElement instanceof HTMLTextAreaElement))
})
