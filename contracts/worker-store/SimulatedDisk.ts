/**
 * A disk in memory that keeps what POSIX promises and no more. Bytes last after `sync`, names after `syncFolder`; when
 * the power goes, any of the other writes may be there, in part or not at all, and the names of a folder are as they
 * were at some moment since they were last synced. A failed sync forgets what it should have kept, as Linux does, and
 * so does a write that syncs.
 */
import { Effect } from "effect"
import { type Disk, DiskFailure, type Mode, type OpenFile } from "../../src/adapters/stores/Disk.ts"
import type { Dice } from "./Dice.ts"

type Change = { readonly position: number; readonly bytes: Uint8Array } | { readonly length: number }

const changed = (content: Buffer, change: Change): Buffer => {
  if ("length" in change) {
    if (change.length <= content.length) return content.subarray(0, change.length)
    return Buffer.concat([content, Buffer.alloc(change.length - content.length)])
  }
  const end = change.position + change.bytes.length
  const grown = Buffer.alloc(Math.max(content.length, end))
  content.copy(grown)
  grown.set(change.bytes, change.position)
  return grown
}

class Inode {
  live: Buffer
  lasting: Buffer
  pending: Array<Change> = []

  constructor(content: Buffer) {
    this.live = content
    this.lasting = content
  }
  apply(change: Change): void {
    this.live = changed(this.live, change)
    this.pending.push(change)
  }
  sync(): void {
    for (const change of this.pending) this.lasting = changed(this.lasting, change)
    this.pending = []
  }
}

class Folder {
  live = new Map<string, Inode | Folder>()
  lasting = new Map<string, Inode | Folder>()
  /** The names after each change since the last sync. */
  pending: Array<Map<string, Inode | Folder>> = []

  change(edit: (names: Map<string, Inode | Folder>) => void): void {
    this.live = new Map(this.live)
    edit(this.live)
    this.pending.push(this.live)
  }
  sync(): void {
    this.lasting = this.live
    this.pending = []
  }
}

/** Smallest part of a write that is there or not as a whole, in bytes. */
const sector = 512

const torn = (dice: Dice, change: Change): Change | undefined => {
  if (dice.chance(0.4)) return change
  if ("length" in change || dice.chance(0.5)) return undefined
  return {
    ...change,
    bytes: change.bytes.subarray(0, sector * dice.below(1 + Math.ceil(change.bytes.length / sector)))
  }
}

const survivor = (dice: Dice, node: Inode | Folder): Inode | Folder => {
  if (node instanceof Inode) {
    let content = node.lasting
    for (const change of node.pending) {
      const kept = torn(dice, change)
      if (kept !== undefined) content = changed(content, kept)
    }
    return new Inode(content)
  }
  const moment = dice.below(node.pending.length + 1)
  const names = moment === 0 ? node.lasting : node.pending[moment - 1]!
  const folder = new Folder()
  for (const [name, child] of names) folder.live.set(name, survivor(dice, child))
  folder.lasting = folder.live
  return folder
}

const duplicate = (node: Inode | Folder): Inode | Folder => {
  if (node instanceof Inode) return new Inode(node.live)
  const folder = new Folder()
  for (const [name, child] of node.live) folder.live.set(name, duplicate(child))
  folder.lasting = folder.live
  return folder
}

/** What happens to a call instead of success. */
export interface Fault {
  readonly code: string
  /** Bytes of a write that are taken before the next call is refused. */
  readonly short?: number
}

/** Asked before every call with its number, from 1. */
export type Faults = (call: number, operation: string, path: string) => Fault | undefined

const none: Faults = () => undefined

export class SimulatedDisk {
  #root: Folder
  readonly #locks = new Set<string>()
  #calls = 0
  faults: Faults = none

  constructor(root = new Folder()) {
    this.#root = root
  }

  get calls(): number {
    return this.#calls
  }

  /** The disk as it is found when the power is back. */
  afterPowerLoss(dice: Dice): SimulatedDisk {
    return new SimulatedDisk(survivor(dice, this.#root) as Folder)
  }

  /** The disk as the next process finds it when this one was killed: all that was done is there. */
  afterKill(): SimulatedDisk {
    return new SimulatedDisk(this.#root)
  }

  /** A disk of its own with the same files. */
  copy(): SimulatedDisk {
    return new SimulatedDisk(duplicate(this.#root) as Folder)
  }

  /** Changes the bytes of a file behind everybody's back. */
  tamper(path: string, edit: (content: Buffer) => Buffer): void {
    const node = this.#find(path)
    if (node instanceof Inode) node.live = node.lasting = edit(Buffer.from(node.live))
  }

  /** Paths of all files. */
  files(path = "", folder = this.#root): ReadonlyArray<string> {
    return Array.from(folder.live).flatMap(([name, node]) =>
      node instanceof Folder ? this.files(`${path}/${name}`, node) : [`${path}/${name}`]
    )
  }

  content(path: string): Buffer {
    const node = this.#find(path)
    return node instanceof Inode ? node.live : Buffer.alloc(0)
  }

  discard(path: string): void {
    const { folder, name } = this.#parent(path)
    folder?.change((names) => names.delete(name))
    folder?.sync()
  }

  #find(path: string): Inode | Folder | undefined {
    let node: Inode | Folder | undefined = this.#root
    for (const name of path.split("/").filter((part) => part !== "")) {
      node = node instanceof Folder ? node.live.get(name) : undefined
    }
    return node
  }

  #parent(path: string): { readonly folder: Folder | undefined; readonly name: string } {
    const slash = path.lastIndexOf("/")
    const folder = this.#find(path.slice(0, slash))
    return { folder: folder instanceof Folder ? folder : undefined, name: path.slice(slash + 1) }
  }

  #call<A>(operation: string, path: string, run: (fault: Fault | undefined) => A | DiskFailure) {
    return Effect.andThen(
      Effect.yieldNow,
      Effect.suspend((): Effect.Effect<A, DiskFailure> => {
        this.#calls += 1
        const fault = this.faults(this.#calls, operation, path)
        const answer = run(fault)
        if (answer instanceof DiskFailure) return Effect.fail(answer)
        if (fault !== undefined && fault.short === undefined) {
          return Effect.fail(new DiskFailure({ operation, code: fault.code }))
        }
        return Effect.succeed(answer)
      })
    )
  }

  #file(path: string, inode: Inode, mode: Mode): OpenFile {
    return {
      write: (bytes, position) =>
        this.#call("write", path, (fault) => {
          const whole = Buffer.concat(bytes)
          const taken = fault?.short === undefined ? whole.length : Math.min(fault.short, whole.length - 1)
          // A call that the power went away under may have had its effect.
          if (fault === undefined || fault.short !== undefined || fault.code === "EPOWER") {
            inode.apply({ position, bytes: whole.subarray(0, taken) })
            if (mode === "durable" && fault?.code !== "EPOWER") inode.sync()
          } else if (mode === "durable" && fault.code === "EIO") {
            // Taken, and seen by every reader until the power goes.
            inode.live = changed(inode.live, { position, bytes: whole })
            inode.pending = []
          }
          return taken
        }),
      read: (position, length) =>
        this.#call("read", path, () => Buffer.from(inode.live.subarray(position, position + length))),
      sync: this.#call("sync", path, (fault) => {
        if (fault === undefined) inode.sync()
        else if (fault.code !== "EPOWER") inode.pending = []
      }),
      truncate: (length) =>
        this.#call("truncate", path, (fault) => {
          if (fault === undefined) inode.apply({ length })
        }),
      close: Effect.void
    }
  }

  readonly disk: Disk = {
    open: (path, mode) =>
      this.#call("open", path, (fault) => {
        const missing = new DiskFailure({ operation: "open", code: "ENOENT" })
        const node = this.#find(path)
        if (node instanceof Inode) return this.#file(path, node, mode)
        const { folder, name } = this.#parent(path)
        if (node !== undefined || mode === "read" || folder === undefined) return missing
        const inode = new Inode(Buffer.alloc(0))
        if (fault === undefined) folder.change((names) => names.set(name, inode))
        return this.#file(path, inode, mode)
      }),
    readFile: (path) =>
      this.#call("readFile", path, () => {
        const node = this.#find(path)
        return node instanceof Inode ? Buffer.from(node.live) : new DiskFailure({ operation: "read", code: "ENOENT" })
      }),
    list: (path) =>
      this.#call("list", path, () => {
        const node = this.#find(path)
        return node instanceof Folder
          ? Array.from(node.live.keys())
          : new DiskFailure({ operation: "list", code: "ENOENT" })
      }),
    sizes: (paths) =>
      this.#call("sizes", "", () =>
        paths.map((path) => {
          const node = this.#find(path)
          return node instanceof Inode ? node.live.length : undefined
        })
      ),
    makeFolder: (path) =>
      this.#call("makeFolder", path, (fault) => {
        if (fault !== undefined) return undefined
        let folder = this.#root
        for (const name of path.split("/").filter((part) => part !== "")) {
          let child = folder.live.get(name)
          if (child === undefined) {
            const made = new Folder()
            folder.change((names) => names.set(name, made))
            child = made
          }
          if (child instanceof Folder) folder = child
        }
        return undefined
      }),
    rename: (from, to) =>
      this.#call("rename", from, (fault) => {
        const source = this.#parent(from)
        const target = this.#parent(to)
        const node = source.folder?.live.get(source.name)
        if (node === undefined || target.folder === undefined)
          return new DiskFailure({ operation: "rename", code: "ENOENT" })
        if (fault !== undefined) return undefined
        if (source.folder === target.folder) {
          target.folder.change((names) => {
            names.delete(source.name)
            names.set(target.name, node)
          })
          return undefined
        }
        // Between two folders it is one step of the file system's own journal.
        target.folder.change((names) => names.set(target.name, node))
        source.folder?.change((names) => names.delete(source.name))
        target.folder.sync()
        source.folder?.sync()
        return undefined
      }),
    remove: (path) =>
      this.#call("remove", path, (fault) => {
        const { folder, name } = this.#parent(path)
        if (fault === undefined && folder?.live.has(name) === true) folder.change((names) => names.delete(name))
      }),
    syncFolder: (path) =>
      this.#call("syncFolder", path, (fault) => {
        const node = this.#find(path)
        if (!(node instanceof Folder)) return new DiskFailure({ operation: "sync", code: "ENOENT" })
        if (fault === undefined) node.sync()
        return undefined
      }),
    lock: (path) =>
      Effect.asVoid(
        Effect.acquireRelease(
          this.#call("lock", path, () => {
            if (this.#locks.has(path)) return new DiskFailure({ operation: "lock", code: "LOCKED" })
            this.#locks.add(path)
            return undefined
          }),
          () => Effect.sync(() => this.#locks.delete(path))
        )
      )
  }
}
