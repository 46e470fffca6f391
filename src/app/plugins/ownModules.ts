/** Where the modules lie that plugins share with this program, which runs from modules of its own. */

/** What they import as `yoi-workspace/plugin`: beside this folder as source, and as JavaScript after the build. */
export const plugin = new URL(
  `../../domain/plugin/Plugin${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`,
  import.meta.url
).href

/** The module of `effect` that this program has loaded, or would load. */
export const effect = (url: string): string => url
