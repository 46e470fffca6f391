/** Time until a page can be seen and used in a real browser, beside documents that have no script. */
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { brotliCompressSync } from "node:zlib"
import type { Browser } from "playwright"
import { configure } from "./Backend.ts"
import { launch, type Link, open, type Opened, plain, slow } from "./Chromium.ts"
import { inTurns, type Settings } from "./Contest.ts"
import { contender, during, product, type Running } from "./Process.ts"
import { measured, number, type Part, type Table, within } from "./Report.ts"
import { ratio, spread } from "./Spread.ts"

const pages = [
  { name: "overview", path: "/", sign: "article" },
  { name: "settings", path: "/settings/connections", sign: 'tr:has-text("backend-internal")' }
] as const

interface Contender {
  readonly url: string
  readonly sign: string
  readonly scripted: boolean
}

/** The settings page's document with its styles and without anything that it would load or run. */
const withoutScript = (document: string): string =>
  document
    .replace(/<link[^>]*rel="(?:modulepreload|stylesheet)"[^>]*>/g, "")
    .replace(/<meta http-equiv="content-security-policy"[^>]*>/, "")
    .replace(/<script[\s\S]*?<\/script>/g, "")

/** The least that takes as long to send: two lines that are seen, and what is not. */
const words = (bytes: number): string => {
  const seen =
    "<!doctype html><title>A page</title><h1>A page</h1><p>What it is for, in one sentence of some length.</p>"
  return `${seen}<!--${"-".repeat(Math.max(0, bytes - seen.length - 7))}-->`
}

/** Leaves both beside each other. */
const writeStatic = (folder: string, document: string): void => {
  const still = withoutScript(document)
  const packed = brotliCompressSync(still)
  writeFileSync(join(folder, "static.html"), still)
  writeFileSync(join(folder, "static.html.br"), packed)
  writeFileSync(join(folder, "words.html"), words(packed.length))
}

const measure = async (
  browser: Browser,
  link: Link,
  contenders: ReadonlyMap<string, Contender>,
  rounds: number
): Promise<{ readonly table: Table; readonly found: Map<string, Array<Opened>> }> => {
  const names = [...contenders.keys()]
  const found = await inTurns(names, rounds, (name) => {
    const { sign, url } = contenders.get(name)!
    return open(browser, url, sign, link)
  })
  const of = (name: string, what: keyof Opened) => found.get(name)!.map((it) => it[what])
  const median = (name: string, what: keyof Opened) => number(spread(of(name, what)).median)
  return {
    found,
    table: {
      title: `Time to paint, ${link.title}`,
      columns: ["page", "LCP ms", "÷ static", "÷ words", "interactive ms", "with its data ms", "requests", "kB sent"],
      rows: names.map((name) => [
        name,
        within(spread(of(name, "paint"))),
        within(ratio(of(name, "paint"), of("static", "paint"))),
        within(ratio(of(name, "paint"), of("words", "paint"))),
        median(name, "alive"),
        contenders.get(name)!.scripted ? median(name, "filled") : "–",
        median(name, "requests"),
        number(spread(of(name, "bytes")).median / 1_000)
      ])
    }
  }
}

const note =
  "Nothing is kept from page to page. Interactive: the page's own script asks for its data, which it does as its handlers are attached. Static: the document of the settings page with its styles and without script. Words: two lines, in a document that takes as long to send."

export const paint = async (settings: Settings): Promise<Part> => {
  const browser = await launch()
  if (browser === undefined) {
    const left = { title: "Time to paint", columns: ["page"], rows: [], notes: ["Left out: no Chromium here."] }
    return { bench: "paint", tables: [left], goals: [] }
  }
  try {
    return await during(async ({ folder, keep }) => {
      const serve = (name: string, checkout?: string): Promise<Running> => {
        const workspace = join(folder, name)
        mkdirSync(workspace)
        configure(workspace, "")
        const args = ["serve", "--workspace", workspace, "--listen", "127.0.0.1:0"]
        return keep(product(name, args, checkout === undefined ? {} : { checkout }))
      }
      const backend = await serve("now")
      const contenders = new Map<string, Contender>()
      const still = join(folder, "still")
      mkdirSync(still)
      const settingsPage = await fetch(`${backend.url}/settings/connections`, { headers: { accept: "text/html" } })
      writeStatic(still, await settingsPage.text())
      const floor = await keep(contender("static", "staticPage.ts", [still]))
      for (const name of ["words", "static"])
        contenders.set(name, { url: `${floor.url}/${name}`, sign: "h1", scripted: false })
      const add = (suffix: string, { url }: Running) => {
        for (const { name, path, sign } of pages)
          contenders.set(`${name}${suffix}`, { url: `${url}${path}`, sign, scripted: true })
      }
      add("", backend)
      if (settings.before !== undefined) add(" before", await serve("before", settings.before))
      const quick = await measure(browser, plain, contenders, settings.rounds)
      const throttled = await measure(browser, slow, contenders, settings.rounds)
      const paints = (name: string) => throttled.found.get(name)!.map((it) => it.paint)
      return {
        bench: "paint",
        tables: [quick.table, { ...throttled.table, notes: [note] }],
        goals: pages.map(({ name }) =>
          measured(
            `LCP of the ${name}, slow 4G ÷ static`,
            { is: "at most", than: 1.3 },
            ratio(paints(name), paints("static"))
          )
        )
      }
    })
  } finally {
    await browser.close()
  }
}
