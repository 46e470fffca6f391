#!/usr/bin/env node
/** The installed command. Plain JavaScript, so that a Node that is too old gets a sentence and not a syntax error. */
const minimum = { major: 22, minor: 19 }
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number)

if (major > minimum.major || (major === minimum.major && minor >= minimum.minor)) {
  // Compiled code kept from the last start: about half the time until the program is up.
  const { enableCompileCache } = await import("node:module")
  enableCompileCache()
  await import(new URL("../dist/app/main.js", import.meta.url).href)
} else {
  console.error(
    `yoi-workspace needs Node ${minimum.major}.${minimum.minor} or newer; this is ${process.versions.node}.`
  )
  process.exitCode = 1
}
