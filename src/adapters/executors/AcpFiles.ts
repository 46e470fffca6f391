/** Files for an agent: only inside its working folder, links followed, and only as far as the profile lets it. */
import { closeSync, constants, fstatSync, openSync, readFileSync, realpathSync, writeFileSync } from "node:fs"
import { basename, dirname, isAbsolute, join, sep } from "node:path"

/** Of a file that is read or written, in bytes. */
export const maxFileBytes = 1_048_576

export type Refusal = "outside_folder" | "not_allowed" | "too_large" | "unreadable"

const sentences: Readonly<Record<Refusal, string>> = {
  outside_folder: "The file is outside the working folder.",
  not_allowed: "The profile does not allow this.",
  too_large: `The file is larger than ${maxFileBytes} bytes.`,
  unreadable: "The file cannot be read or written."
}

export class FileRefused extends Error {
  readonly reason: Refusal
  constructor(reason: Refusal) {
    super(sentences[reason])
    this.reason = reason
  }
}

const isWithin = (path: string, folder: string): boolean =>
  path.startsWith(folder.endsWith(sep) ? folder : folder + sep)

/** The file as it really is: its folder with all links followed, and the file itself when it is a link. */
const real = (path: string, folder: string): string => {
  if (!isAbsolute(path) || path.includes("\0")) throw new FileRefused("outside_folder")
  const parent = realpathSync(dirname(path))
  const place = join(parent, basename(path))
  if (parent !== folder && !isWithin(parent, folder)) throw new FileRefused("outside_folder")
  try {
    const target = realpathSync(place)
    if (!isWithin(target, folder)) throw new FileRefused("outside_folder")
    return target
  } catch (error) {
    if (error instanceof FileRefused) throw error
    // There is nothing yet; a link to nowhere is refused when it is opened without following it.
    return place
  }
}

const guarded = <A>(act: () => A): A => {
  try {
    return act()
  } catch (error) {
    throw error instanceof FileRefused ? error : new FileRefused("unreadable")
  }
}

const opened = <A>(path: string, flags: number, act: (file: number) => A): A => {
  const file = openSync(path, flags | constants.O_NOFOLLOW | constants.O_NONBLOCK, 0o600)
  try {
    if (!fstatSync(file).isFile()) throw new FileRefused("unreadable")
    return act(file)
  } finally {
    closeSync(file)
  }
}

/** @param line 1-based first line, @param limit number of lines */
export const read = (folder: string, path: string, line?: number | null, limit?: number | null): string =>
  guarded(() =>
    opened(real(path, folder), constants.O_RDONLY, (file) => {
      if (fstatSync(file).size > maxFileBytes) throw new FileRefused("too_large")
      const text = readFileSync(file, "utf8")
      if (line === undefined && limit === undefined) return text
      const from = Math.max(0, (line ?? 1) - 1)
      return text
        .split("\n")
        .slice(from, limit === undefined || limit === null ? undefined : from + limit)
        .join("\n")
    })
  )

export const write = (folder: string, path: string, content: string): void =>
  guarded(() => {
    if (Buffer.byteLength(content) > maxFileBytes) throw new FileRefused("too_large")
    opened(real(path, folder), constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC, (file) =>
      writeFileSync(file, content)
    )
  })
