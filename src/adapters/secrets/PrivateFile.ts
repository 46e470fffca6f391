/** Reads a small file that only its owner may read: whatever others can see or change holds no secret. */
import { Effect, FileSystem, Option } from "effect"
import { unresolvable } from "../../domain/SecretResolver.ts"

/** Read, write and search by group and others. */
const othersMask = 0o077

/**
 * The bytes of a regular file of mode 0600 or stricter. Fails with `readable_by_others`, `too_large`, `unreadable`, or
 * the platform's error.
 *
 * @param path with symbolic links resolved: one in its last place is refused
 * @param maxBytes larger files are refused unread
 */
export const read = Effect.fnUntraced(function* (path: string, maxBytes: number) {
  const fs = yield* FileSystem.FileSystem
  // Opening a pipe would wait for its other end: look first, and again at what was opened.
  if ((yield* fs.stat(path)).type !== "File") return yield* unresolvable("unreadable")
  const file = yield* fs.open(path, { flag: "r", noFollow: true })
  const { mode, size, type } = yield* file.stat
  if (type !== "File") return yield* unresolvable("unreadable")
  if ((mode & othersMask) !== 0) return yield* unresolvable("readable_by_others")
  if (size > BigInt(maxBytes)) return yield* unresolvable("too_large")
  const bytes = yield* file.readAlloc(maxBytes)
  return Option.getOrElse(bytes, () => new Uint8Array(0))
}, Effect.scoped)
