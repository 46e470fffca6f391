/** A real Chromium, and what every page must keep: no error in the console, nothing for axe to find. */
import { mkdirSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { AxeBuilder } from "@axe-core/playwright"
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Page } from "playwright"
import { assert } from "vitest"
import { chromiumOptions } from "../../scripts/chromium.ts"

const screenshots = fileURLToPath(new URL("../../docs/screenshots", import.meta.url))

export const desktop = { width: 1280, height: 800 }
export const phone = { width: 390, height: 844 }

export const launch = (): Promise<Browser> => chromium.launch(chromiumOptions())

export interface Opened {
  readonly page: Page
  readonly context: BrowserContext
  /** What the console and the page complained of; failed requests that a test provokes are named by it. */
  readonly complaints: Array<string>
}

/** A page that remembers what it complains of. Motion is off, so that pictures are the same every time. */
export const openPage = async (browser: Browser, options: BrowserContextOptions = {}): Promise<Opened> => {
  const context = await browser.newContext({
    viewport: desktop,
    locale: "en-US",
    timezoneId: "UTC",
    reducedMotion: "reduce",
    colorScheme: "light",
    ...options
  })
  context.setDefaultTimeout(15_000)
  const page = await context.newPage()
  const complaints: Array<string> = []
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") complaints.push(message.text())
  })
  page.on("pageerror", (error) => complaints.push(String(error)))
  return { page, context, complaints }
}

/**
 * Leaves the picture for the docs.
 *
 * @param height of the window while it is taken, for pages that are longer than a screen
 */
export const picture = async (page: Page, name: string, height?: number): Promise<void> => {
  mkdirSync(screenshots, { recursive: true })
  const size = page.viewportSize()
  if (height !== undefined && size !== null) {
    await page.setViewportSize({ ...size, height })
    await page.evaluate(() => scrollTo(0, 0))
  }
  await page.screenshot({ path: join(screenshots, `${name}.png`), animations: "disabled", caret: "hide" })
  if (height !== undefined && size !== null) await page.setViewportSize(size)
}

/** Whatever axe finds fails the test, with the rule and the place. */
export const assertAccessible = async (page: Page): Promise<void> => {
  const { violations } = await new AxeBuilder({ page }).analyze()
  const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target.join(" ")).join(" | ")}`)
  assert.deepStrictEqual(found, [])
}

/** Nothing may be wider than the window: a phone would scroll sideways. */
export const assertFits = async (page: Page): Promise<void> => {
  const wider = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)
  assert.isAtMost(wider, 0)
}

/** Loading failures that a test provoked are the browser's own lines, not the page's. */
export const ownComplaints = (complaints: ReadonlyArray<string>): ReadonlyArray<string> =>
  complaints.filter((line) => !/Failed to load resource|WebSocket connection to|ERR_/.test(line))

/** Closes every page that a test opened; what one of them complained of by itself fails the test. */
export const closeAll = async (opened: Array<Opened>): Promise<void> => {
  const pages = opened.splice(0)
  // What the page says of being closed is not counted.
  const complaints = pages.flatMap((one) => ownComplaints(one.complaints))
  await Promise.all(pages.map(({ context }) => context.close()))
  assert.deepStrictEqual(complaints, [])
}
