/** The time for relative dates: one timer for the page, running only while something shows it. */
import { createSubscriber } from "svelte/reactivity"

/** Often enough that "since" never looks stuck. */
const tickMs = 10_000

const subscribe = createSubscriber((update) => {
  const timer = setInterval(update, tickMs)
  return () => clearInterval(timer)
})

export const now = (): number => {
  subscribe()
  return Date.now()
}
