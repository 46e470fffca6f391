/** Copies text, also on plain HTTP, where the clipboard API does not exist. */

export const copyText = async (text: string): Promise<boolean> => {
  try {
    // Absent outside a secure context, whatever the type says.
    if (navigator.clipboard !== undefined) {
      await navigator.clipboard.writeText(text)
      return true
    }
  } catch {
    // Refused by a permission: the old way may still work.
  }
  const area = document.createElement("textarea")
  area.value = text
  area.readOnly = true
  area.className = "sr-only"
  const focused = document.activeElement
  // Inside an open modal dialog nothing outside of it can be selected.
  ;(document.querySelector("dialog[open]") ?? document.body).append(area)
  area.select()
  const copied = document.execCommand("copy")
  area.remove()
  if (focused instanceof HTMLElement) focused.focus()
  return copied
}

/** Hands a text to the browser as a file. */
export const downloadText = (name: string, type: string, text: string): void => {
  const url = URL.createObjectURL(new Blob([text], { type }))
  const link = document.createElement("a")
  link.href = url
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(url), 10_000)
}
