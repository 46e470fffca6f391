// Runs before the first paint, so that a dark page never flashes white. A file of its own because the
// content security policy knows no inline script but the one that starts the page. Same key as theme.svelte.ts.
;(() => {
  let mode = "system"
  try {
    mode = localStorage.getItem("mode-watcher-mode") || "system"
  } catch {
    // Storage may be switched off; the system's choice stands.
  }
  const dark = mode === "dark" || (mode !== "light" && matchMedia("(prefers-color-scheme: dark)").matches)
  document.documentElement.classList.toggle("dark", dark)
  document.documentElement.style.colorScheme = dark ? "dark" : "light"
})()
