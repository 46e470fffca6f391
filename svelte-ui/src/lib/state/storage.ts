/** Browser storage that may be full, switched off or absent: reading gives undefined, writing gives up. */

const of = (area: "localStorage" | "sessionStorage") => ({
  get(name: string): string | undefined {
    try {
      return globalThis[area].getItem(name) ?? undefined
    } catch {
      return undefined
    }
  },
  set(name: string, value: string | undefined): void {
    try {
      if (value === undefined) globalThis[area].removeItem(name)
      else globalThis[area].setItem(name, value)
    } catch {
      // What is stored here is a convenience.
    }
  }
})

export const lasting = of("localStorage")
export const forThisTab = of("sessionStorage")
