/** Light, dark, or as the system is. The script of `app.html` shows the same choice before the first paint, by the same key. */
import { lasting } from "./storage.ts"

export const modes = ["light", "dark", "system"] as const
export type Mode = (typeof modes)[number]

const stored = "mode-watcher-mode"
const isMode = (value: unknown): value is Mode => modes.some((mode) => mode === value)

class Theme {
  /** What a person chose. */
  mode = $state.raw<Mode>("system")

  /** Shows the choice, also when the system or another tab changes it. For the life of the page. */
  start(): void {
    const dark = matchMedia("(prefers-color-scheme: dark)")
    const show = () => {
      const isDark = this.mode === "dark" || (this.mode === "system" && dark.matches)
      const { classList, style } = document.documentElement
      // Colours that fade from one theme to the other would be seen in between.
      classList.add("without-transitions")
      classList.toggle("dark", isDark)
      style.colorScheme = isDark ? "dark" : "light"
      requestAnimationFrame(() => requestAnimationFrame(() => classList.remove("without-transitions")))
    }
    const read = () => {
      const kept = lasting.get(stored)
      this.mode = isMode(kept) ? kept : "system"
    }
    this.#show = show
    read()
    dark.addEventListener("change", show)
    globalThis.addEventListener("storage", ({ key }) => {
      if (key !== null && key !== stored) return
      read()
      show()
    })
  }

  choose(mode: Mode): void {
    this.mode = mode
    lasting.set(stored, mode)
    this.#show()
  }

  #show = (): void => {}
}

export const theme = new Theme()
