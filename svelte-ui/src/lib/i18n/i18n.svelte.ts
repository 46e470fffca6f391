/** The language of the page: the browser's unless a person chose one. Dictionaries other than English load on demand. */
import { lasting } from "#lib/state/storage.ts"
import type { CodeTexts } from "./codes.ts"
import type { Messages } from "./en.ts"
import { enShell } from "./enShell.ts"
import type { StepTexts } from "./steps.ja.ts"

export const languages = ["en", "ja"] as const
export type Language = (typeof languages)[number]
export const languageNames: Readonly<Record<Language, string>> = { en: "English", ja: "日本語" }

const stored = "yoi-language"
const isLanguage = (value: unknown): value is Language => languages.some((language) => language === value)

/** The first language of the browser that this page speaks. */
export const negotiate = (wanted: ReadonlyArray<string>): Language => {
  for (const tag of wanted) {
    const base = tag.toLowerCase().split("-")[0]
    if (isLanguage(base)) return base
  }
  return "en"
}

interface Dictionary {
  readonly messages: Messages
  /** Sentences for problem codes; English needs none, the backend sends them. */
  readonly codes: CodeTexts | undefined
  /** The same for the steps of a connection test. */
  readonly steps: StepTexts | undefined
}

/** Of English, what the parts of the page that are loaded have brought; each brings what it says. */
const english = { ...enShell } as Messages

/** Called by a part of the page as its module is loaded, before any of it is shown. */
export const alsoInEnglish = (texts: Partial<Messages>): void => void Object.assign(english, texts)

const load = async (language: Language): Promise<Dictionary> => {
  if (language === "en") return { messages: english, codes: undefined, steps: undefined }
  const [{ ja }, { codesJa }, { stepsJa }] = await Promise.all([
    import("./ja.ts"),
    import("./codes.ja.ts"),
    import("./steps.ja.ts")
  ])
  return { messages: ja, codes: codesJa, steps: stepsJa }
}

class I18n {
  #dictionary = $state.raw<Dictionary>({ messages: english, codes: undefined, steps: undefined })
  /** What a person chose; undefined follows the browser. */
  choice = $state.raw<Language>()

  get t(): Messages {
    return this.#dictionary.messages
  }
  get codes(): CodeTexts | undefined {
    return this.#dictionary.codes
  }
  get steps(): StepTexts | undefined {
    return this.#dictionary.steps
  }
  get language(): Language {
    return this.choice ?? this.browser
  }
  get browser(): Language {
    return typeof document === "undefined" ? "en" : negotiate(navigator.languages)
  }

  /** Before the page is taken over, which waits unseen for a language other than the one it was rendered in. */
  async start(): Promise<void> {
    const kept = lasting.get(stored)
    this.choice = isLanguage(kept) ? kept : undefined
    await this.#show()
  }
  async choose(language: Language | undefined): Promise<void> {
    this.choice = language
    lasting.set(stored, language)
    await this.#show()
  }
  async #show(): Promise<void> {
    const language = this.language
    try {
      const dictionary = await load(language)
      if (language !== this.language) return
      this.#dictionary = dictionary
      document.documentElement.lang = language
    } catch {
      // A dictionary that cannot be had leaves the page readable, in the language that it has.
    }
  }
}

export const i18n = new I18n()

const relative = new Map<string, Intl.RelativeTimeFormat>()
const units: ReadonlyArray<readonly [Intl.RelativeTimeFormatUnitSingular, number]> = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
  ["second", 1]
]

const lengths = new Map<string, Intl.NumberFormat>()

/** "3 min", "2 days": how long something has lasted. */
export const lasted = (sinceMs: number, nowMs: number, language: Language): string => {
  const seconds = Math.max(1, Math.round((nowMs - sinceMs) / 1000))
  const [unit, size] = units.find(([, size]) => seconds >= size) ?? (["second", 1] as const)
  const name = `${language}/${unit}`
  const format =
    lengths.get(name) ??
    new Intl.NumberFormat(language, { style: "unit", unit, unitDisplay: unit === "day" ? "long" : "short" })
  lengths.set(name, format)
  return format.format(Math.floor(seconds / size))
}

/** "3 minutes ago" in the language of the page. Differences of clocks never show as the future. */
export const ago = (thenMs: number, nowMs: number, language: Language): string => {
  const seconds = Math.max(0, Math.round((nowMs - thenMs) / 1000))
  const format = relative.get(language) ?? new Intl.RelativeTimeFormat(language, { numeric: "auto", style: "short" })
  relative.set(language, format)
  const [unit, size] = units.find(([, size]) => seconds >= size) ?? (["second", 1] as const)
  return format.format(-Math.floor(seconds / size), unit)
}
