/** Why a file was not read or not replaced. In-process only; the sentences name no path, so that they may be shown. */
import { Data } from "effect"
import type { PlatformError } from "effect/PlatformError"

const sentences = {
  dangling_symlink: "The file is a symbolic link that leads nowhere.",
  is_directory: "There is a folder where the file should be.",
  not_a_file: "What stands in the file's place is not a regular file.",
  too_large: "The file is too large.",
  invalid_utf8: "The file is not valid UTF-8.",
  contains_nul: "The file contains NUL bytes.",
  permission_denied: "The permissions of the file or its folder do not allow this.",
  changed: "The file changed since it was read.",
  locked: "Another process is writing the file.",
  disk_full: "There is no space left for the file.",
  not_confirmed: "The file was replaced, but the disk did not confirm it; a power cut may undo the change.",
  io: "Reading or writing the file failed."
} as const

export type FileReason = keyof typeof sentences

export class FileRefused extends Data.TaggedError("FileRefused")<{
  readonly reason: FileReason
  readonly cause?: unknown
}> {
  override get message() {
    return sentences[this.reason]
  }
}

/** The `errno` name behind a platform error, for instance `ENOSPC`. */
export const errno = (error: PlatformError): string | undefined => {
  const cause: unknown = error.reason.cause
  return typeof cause === "object" && cause !== null && "code" in cause && typeof cause.code === "string"
    ? cause.code
    : undefined
}

const reasons: Readonly<Record<string, FileReason>> = {
  EACCES: "permission_denied",
  EPERM: "permission_denied",
  EROFS: "permission_denied",
  ENOSPC: "disk_full",
  EDQUOT: "disk_full",
  EFBIG: "disk_full",
  EISDIR: "is_directory",
  ELOOP: "dangling_symlink"
}

export const fromPlatform = (error: PlatformError): FileRefused =>
  new FileRefused({ reason: reasons[errno(error) ?? ""] ?? "io", cause: error })
