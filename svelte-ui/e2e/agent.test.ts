/** A real agent in a process of its own, behind the real backend, worked with from a real browser. */
import { readdirSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { afterAll, afterEach, assert, beforeAll, it } from "vitest"
import type { Browser, Page } from "playwright"
import { assertAccessible, closeAll, launch, type Opened, openPage, picture } from "./browser.ts"
import { type Backend, startBackend, startWire, type Wire } from "./programs.ts"

const agent = fileURLToPath(new URL("../../contracts/support/acp-agent.mjs", import.meta.url))
const profile = (id: string, label: string, description: string, command: ReadonlyArray<string>, more = "") =>
  `[[profiles]]
id = "${id}"
label = "${label}"
description = "${description}"
executor = "acp"
command = ${JSON.stringify(command)}
${more}
`
const command = [process.execPath, agent, "--load"]
/** What the agent says last when it dies. */
const words = `env = { set = { TOKEN = "the watering can is empty" } }`
const profiles = [
  profile(
    "gardener",
    "Gardener",
    "Tidies up and asks before it removes anything. Remembers what was said.",
    command,
    words
  ),
  profile(
    "hasty",
    "Hasty gardener",
    "Waits a moment for an answer, then goes on.",
    command,
    "limits = { permission_ms = 1_000 }"
  ),
  `[[profiles]]
id = "script"
label = "Script"
executor = "command"
command = ["printf", ">>> plant()\\n    seed *one*\\n"]
`,
  profile("greenhouse", "Greenhouse", "Needs a program that is not here.", ["no-such-gardener"])
].join("\n")

let browser: Browser
let backend: Backend
/** The page's way to the backend, which stays where it is when the backend comes back somewhere else. */
let wire: Wire
const opened: Array<Opened> = []

beforeAll(async () => {
  wire = await startWire()
  ;[browser, backend] = await Promise.all([
    launch(),
    startBackend(`[server]\nallowed_hosts = ["127.0.0.1:${wire.port}"]\n`, {}, profiles)
  ])
  wire.to(backend.url)
})
afterAll(async () => {
  await browser?.close()
  await backend?.stop()
  await wire?.close()
})
afterEach(() => closeAll(opened))

const open = async (path: string) => {
  const one = await openPage(browser)
  opened.push(one)
  await one.page.goto(`http://127.0.0.1:${wire.port}${path}`)
  return one.page
}
const openWorker = async (display_name: string, name = "gardener") => {
  const response = await fetch(`${backend.url}/api/runtimes/backend-internal/workers`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ display_name, profile: `named:${name}` })
  })
  const answer = (await response.json()) as { worker: { worker_id: string } }
  assert.isTrue(response.ok, JSON.stringify(answer))
  const { worker_id } = answer.worker
  const page = await open(`/workers/backend-internal/${worker_id}`)
  await page.getByText("Live", { exact: true }).waitFor()
  return { page, worker_id }
}
const say = async (page: Page, text: string) => {
  await page.getByRole("textbox", { name: "Message" }).fill(text)
  await page.keyboard.press("Enter")
}
/** What the agent says to a word is how often it was asked, and the word. */
const said = (page: Page, text: string) =>
  page.getByRole("article", { name: /^Worker/ }).getByText(text, { exact: true })
const idle = (page: Page) => page.getByText("Idle", { exact: true }).waitFor()
/** The agent's first process, which its session is named after. */
const processOf = (worker_id: string): number => {
  const names = readdirSync(backend.folder, { recursive: true, encoding: "utf8" })
  const pids = names.flatMap((name) =>
    name.includes(worker_id) ? [Number(/session-(\d+)\.json$/.exec(name)?.[1] ?? "0")] : []
  )
  return Math.max(...pids)
}

it("a person chooses a profile by its description; what the agent thinks, plans and does is shown", async () => {
  const page = await open("/workers/new")
  await page.getByRole("radio", { name: "Gardener", exact: true }).check()
  await page.getByText("Tidies up and asks before it removes anything.").waitFor()
  await page.getByText(/^Greenhouse \(named:greenhouse\): /).waitFor()
  assert.strictEqual(await page.getByRole("radio", { name: "Greenhouse" }).count(), 0)
  await page.getByRole("textbox", { name: /^First input/ }).fill("work")
  await assertAccessible(page)
  await picture(page, "new-worker-profiles", 900)
  await page.getByRole("button", { name: "Create worker" }).click()
  await page.getByText("named:gardener").waitFor()
  await said(page, "then").waitFor()
  await idle(page)
  await said(page, "first").waitFor()

  // The steps beside the transcript belong to who was there: this is the next turn, seen from its start.
  await say(page, "work")
  await said(page, "then").nth(1).waitFor()
  await page.locator("summary").filter({ hasText: "let me see" }).last().waitFor()
  await page.getByRole("group", { name: "Plan" }).last().getByText("look").waitFor()
  await page.getByText("path: x", { exact: true }).last().waitFor()
  await page.locator("summary").filter({ hasText: "Look" }).last().click()
  await page.getByRole("group", { name: "Output" }).getByText('"n": 7').waitFor()

  // Who was there has them also when the page is loaded anew.
  await page.reload()
  await page.getByText("path: x", { exact: true }).last().waitFor()
  await page.locator("summary").filter({ hasText: "let me see" }).last().waitFor()
  await page.getByRole("group", { name: "Plan" }).last().getByText("look").waitFor()
  assert.strictEqual(await said(page, "then").count(), 2)
  await assertAccessible(page)
})

it("a permission is asked and answered, with yes and with no, and the list of workers says who waits for one", async () => {
  const { page } = await openWorker("Asking")
  await say(page, "ask")
  const card = page.getByRole("group", { name: /Remove everything/ })
  await card.getByRole("button", { name: "Yes" }).waitFor()
  const list = await open("/workers")
  await list.getByRole("row").filter({ hasText: "Asking" }).getByText("Asks for permission").waitFor()
  await assertAccessible(list)
  await picture(list, "workers-permission")

  // A page that is loaded anew has the question too.
  await page.reload()
  await card.getByText(/^Rejected in [34]:\d\d unless you answer$/).waitFor()
  await card.getByRole("button", { name: "Yes" }).click()
  await card.getByText("Answered: Yes").waitFor()
  await said(page, "yes").waitFor()
  await idle(page)
  await say(page, "ask")
  await card.last().getByRole("button", { name: "No" }).click()
  await card.last().getByText("Answered: No").waitFor()
  await said(page, "no").waitFor()
  await idle(page)
  await list.reload()
  await list.getByRole("row").filter({ hasText: "Asking" }).getByText("Idle").waitFor()
  assert.strictEqual(await list.getByText("Asks for permission").count(), 0)
})

it("what is asked about shows its arguments, also to who comes back", async () => {
  const { page } = await openWorker("Careful")
  await say(page, "ask-anew")
  const card = page.getByRole("group", { name: /Run/ })
  await card.getByText('"command": "rm -r build"').waitFor()
  await page.reload()
  await card.getByText('"command": "rm -r build"').waitFor()
  await card.getByRole("button", { name: "Yes" }).click()
  await card.getByText("Answered: Yes").waitFor()
  await idle(page)
})

it("a permission that nobody answers expires, and the agent goes on without it", async () => {
  const { page } = await openWorker("Hasty", "hasty")
  await say(page, "ask")
  await page
    .getByRole("group", { name: /Remove everything/ })
    .getByText("Nobody answered in time: rejected")
    .waitFor()
  await said(page, "no").waitFor()
  await idle(page)
})

it("a turn is interrupted and the worker goes on with what waits, in order", async () => {
  const { page } = await openWorker("Patient")
  await say(page, "wait")
  await page.getByRole("article", { name: "Writing" }).getByText("waiting").waitFor()
  await say(page, "one")
  await page.getByRole("region", { name: "1 input waits" }).waitFor()
  await say(page, "two")
  await page.getByRole("region", { name: "2 inputs wait" }).waitFor()
  await say(page, "three")
  await page.getByRole("region", { name: "3 inputs wait" }).waitFor()
  await page.getByRole("button", { name: "Take back: two" }).click()
  await page.getByRole("region", { name: "2 inputs wait" }).waitFor()
  const field = page.getByRole("textbox", { name: "Message" })
  assert.strictEqual(await field.inputValue(), "two")
  await field.fill("")
  await page.keyboard.press("Escape")
  await page.getByText("The turn was ended early.").waitFor()
  await said(page, "2:one").waitFor()
  await said(page, "3:three").waitFor()
  await idle(page)

  await say(page, "wait")
  await page.getByRole("article", { name: "Writing" }).getByText("waiting").waitFor()
  await page.getByRole("radio", { name: "Interrupt" }).check()
  await say(page, "now")
  await said(page, "5:now").waitFor()
  await idle(page)

  // What it asks is off with the turn.
  await say(page, "ask")
  const card = page.getByRole("group", { name: /Remove everything/ })
  await card.getByRole("button", { name: "Yes" }).waitFor()
  await page.getByRole("button", { name: "Interrupt turn" }).click()
  await card.getByText("Called off with its turn").waitFor()
  await idle(page)
  await say(page, "still")
  await said(page, "7:still").waitFor()
})

it("an agent that is killed leaves its last words, and the next message starts it again", async () => {
  const { page, worker_id } = await openWorker("Mortal")
  const errors = page.getByRole("region", { name: "Transcript" }).getByText("Error from the worker")
  await say(page, "wait")
  await page.getByRole("article", { name: "Writing" }).getByText("waiting").waitFor()
  process.kill(processOf(worker_id), "SIGKILL")
  await page.getByText("Errored", { exact: true }).waitFor()
  await errors.waitFor()
  await say(page, "again")
  await said(page, "2:again").waitFor()
  await idle(page)
  await say(page, "die")
  await page.getByText("Errored", { exact: true }).waitFor()
  await page.getByRole("region", { name: "Transcript" }).getByText("cannot go on: the watering can is empty").waitFor()
  await page.mouse.move(0, 0)
  await assertAccessible(page)
  await picture(page, "console-errored")
  await say(page, "again")
  await said(page, "4:again").waitFor()
  await idle(page)
})

it("an agent that is killed while nobody asks anything of it is told too", async () => {
  const { page, worker_id } = await openWorker("Resting")
  await say(page, "alive")
  await said(page, "1:alive").waitFor()
  await idle(page)
  process.kill(processOf(worker_id), "SIGKILL")
  await page.getByText("Errored", { exact: true }).waitFor()
  await page.getByRole("region", { name: "Transcript" }).getByText("Error from the worker").waitFor()
  await say(page, "again")
  await said(page, "2:again").waitFor()
  await idle(page)
})

it("a backend that was restarted has the session back, and the open page finds it by itself", async () => {
  const { page } = await openWorker("Lasting")
  await say(page, "before")
  await said(page, "1:before").waitFor()
  await idle(page)
  backend = await backend.restart()
  wire.to(backend.url)
  await page.getByText("Live", { exact: true }).waitFor()
  await say(page, "after")
  await said(page, "2:after").waitFor()
  await idle(page)
  assert.strictEqual(await said(page, "1:before").count(), 1)
})

it("what a program writes keeps its spaces and line breaks and is no Markdown", async () => {
  const { page } = await openWorker("Shed", "script")
  await say(page, "go")
  const written = page.locator("article pre").filter({ hasText: "plant()" })
  await written.waitFor()
  assert.strictEqual(await written.textContent(), ">>> plant()\n    seed *one*\n")
  assert.strictEqual(await page.locator("article blockquote").count(), 0)
})

it("parts of the console that do not come leave the text to read, say so, and come when the page is loaded anew", async () => {
  const page = await open("/workers/new")
  /** What only the file of the Markdown view, and only that of the views beside the transcript, says. */
  const marks = ["noopener noreferrer nofollow external", "line-clamp-3"]
  let held = 0
  await page.route("**/_app/immutable/**", async (route) => {
    const response = await route.fetch()
    const code = await response.text()
    if (!marks.some((mark) => code.includes(mark))) return route.fulfill({ response })
    held++
    return route.abort()
  })
  await page.getByRole("radio", { name: "Gardener", exact: true }).check()
  await page.getByRole("textbox", { name: /^First input/ }).fill("**loud**")
  await page.getByRole("button", { name: "Create worker" }).click()
  await said(page, "1:**loud**").waitFor()
  await idle(page)
  await say(page, "work")
  const told = page.getByText("Shown as it was written: what formats it could not be loaded.")
  await said(page, "then").waitFor()
  await page.getByText("let me see", { exact: true }).waitFor()
  assert.isAtLeast(await told.count(), 2)
  assert.isAtLeast(held, 2)
  await assertAccessible(page)

  await page.unroute("**/_app/immutable/**")
  await page.getByRole("textbox", { name: "Message" }).fill("to be kept")
  await page.getByRole("button", { name: "Reload the page" }).first().click()
  await page.locator("article strong").getByText("loud", { exact: true }).waitFor()
  await page.locator("summary").filter({ hasText: "let me see" }).waitFor()
  assert.strictEqual(await told.count(), 0)
  assert.strictEqual(await page.getByRole("textbox", { name: "Message" }).inputValue(), "to be kept")
})
