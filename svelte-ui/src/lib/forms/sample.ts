/** What JSON of a list or a free object looks like, as a hint for whoever writes it. */
import { deepest, isNode, type Node, settle } from "./settle.ts"

/** Empty for everything that is not written as JSON. */
export const sample = (node: Node, root: Node): string =>
  node["type"] === "array" || (node["type"] === "object" && !isNode(node["properties"]))
    ? JSON.stringify(example(node, root, 0))
    : ""

const example = (node: Node, root: Node, depth: number): unknown => {
  if (depth > deepest) return null
  if (Array.isArray(node["enum"])) return node["enum"][0]
  switch (node["type"]) {
    case "array":
      return [example(settle(node["items"], root), root, depth + 1)]
    case "object": {
      const required = Array.isArray(node["required"]) ? node["required"] : []
      const properties = isNode(node["properties"]) ? node["properties"] : {}
      const names = required.length > 0 ? required : Object.keys(properties).slice(0, 2)
      return Object.fromEntries(names.map((name) => [name, example(settle(properties[name], root), root, depth + 1)]))
    }
    case "integer":
    case "number":
      return 0
    case "boolean":
      return false
    default:
      return "…"
  }
}
