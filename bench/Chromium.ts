/** Opens pages in a real browser with nothing kept from before, and asks the browser what it saw and when. */
import { type Browser, chromium } from "playwright"
import { chromiumOptions } from "../scripts/chromium.ts"

/** What is put between the browser and the server, and how much slower the browser is made. */
export interface Link {
  readonly title: string
  /** Milliseconds that are added to each request. */
  readonly latency: number
  /** Bytes per second; -1 = as fast as it goes. */
  readonly down: number
  readonly up: number
  /** So many times slower than this machine. */
  readonly cpu: number
}

export const plain: Link = { title: "plain", latency: 0, down: -1, up: -1, cpu: 1 }
/** Slow 4G as Lighthouse has it (150 ms, 1.6 and 0.75 Mbit/s), and its processor of a telephone. */
export const slow: Link = { title: "slow 4G, CPU ÷ 4", latency: 150, down: 200_000, up: 93_750, cpu: 4 }

export interface Opened {
  /** Milliseconds since the navigation began: largest contentful paint. */
  readonly paint: number
  /** Its script asked for its data, which it does as its handlers are attached. NaN where it never does. */
  readonly alive: number
  /** What it was waited for can be seen. */
  readonly filled: number
  readonly requests: number
  /** Of all answers, as they were sent. */
  readonly bytes: number
}

interface Seen {
  paint: number
}

/** After the last thing that was waited for, so that a larger paint would still be seen. */
const restMs = 150
const limitMs = 30_000

/** undefined where there is no browser for this machine. */
export const launch = async (): Promise<Browser | undefined> => {
  try {
    return await chromium.launch(chromiumOptions())
  } catch {
    return undefined
  }
}

/** @param sign what shows that the page has what it is for */
export const open = async (browser: Browser, url: string, sign: string, link: Link): Promise<Opened> => {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: "en-US" })
  try {
    const page = await context.newPage()
    page.setDefaultTimeout(limitMs)
    const devtools = await context.newCDPSession(page)
    await devtools.send("Network.enable")
    await devtools.send("Network.emulateNetworkConditions", {
      offline: false,
      latency: link.latency,
      downloadThroughput: link.down,
      uploadThroughput: link.up
    })
    await devtools.send("Emulation.setCPUThrottlingRate", { rate: link.cpu })
    let bytes = 0
    devtools.on("Network.loadingFinished", ({ encodedDataLength }) => (bytes += encodedDataLength))
    await page.addInitScript(() => {
      const seen: Seen = { paint: Number.NaN }
      Object.assign(globalThis, { seen })
      new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) seen.paint = entry.startTime
      }).observe({
        // Node, whose types these are, paints nothing.
        type: "largest-contentful-paint" as "resource",
        buffered: true
      })
    })
    await page.goto(url, { waitUntil: "commit" })
    await page.locator(sign).first().waitFor()
    const filled = await page.evaluate(() => performance.now())
    await page.waitForLoadState("load")
    await page.waitForTimeout(restMs)
    const { alive, paint, requests } = await page.evaluate(() => {
      const resources = performance.getEntriesByType("resource")
      const asked = resources.find(({ name }) => /\/api\/(?!session)/.test(name))
      const { seen } = globalThis as unknown as { seen: Seen }
      return { alive: asked?.startTime ?? Number.NaN, paint: seen.paint, requests: resources.length + 1 }
    })
    return { alive, bytes, filled, paint, requests }
  } finally {
    await context.close()
  }
}
