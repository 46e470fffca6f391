/** The form of one connection: what is typed, what is wrong with it, and what happens when it is saved. */
import {
  addConnection,
  editConnection,
  listConnections,
  testDraft,
  type Watch,
  type Write
} from "#lib/api/connections.ts"
import type { Problem } from "#lib/api/problem.ts"
import type { Connection, Kind } from "#lib/api/wire.ts"
import { errorsByField, faultText, fieldErrorText, placedErrorText } from "#lib/forms/fault.ts"
import { faultsOf, isReference } from "#lib/forms/faults.ts"
import { places, type Texts } from "#lib/forms/texts.ts"
import { i18n } from "#lib/i18n/i18n.svelte.ts"
import { baseMembers, draftOf, idPattern, optionFields, patchOf, remoteHttp, textsOfConnection } from "./draft.ts"

/** Another version turned up while this one was edited. `theirs` is undefined when the connection is gone. */
export interface Conflict {
  readonly theirs: Connection | undefined
  readonly etag: string | undefined
}

export class ConnectionForm {
  readonly kinds: ReadonlyArray<Kind>
  /** The version that was opened for editing; undefined for a new connection. */
  saved = $state.raw<Connection>()
  kind = $state.raw(remoteHttp)
  texts = $state.raw<Texts>({})
  opened = $state.raw<Texts>({})
  etag: string | undefined
  busy = $state.raw<"save" | "apply">()
  problem = $state.raw<Problem>()
  conflict = $state.raw<Conflict>()
  /** Whether missing texts are told; not before the first attempt to save. */
  attempted = $state.raw(false)

  readonly kindInfo = $derived.by(() => this.kinds.find(({ kind }) => kind === this.kind))
  readonly fields = $derived(optionFields(this.kindInfo))
  /** Kinds that reach nothing by address have none, unless a saved one says so. */
  readonly hasEndpoint = $derived(this.kindInfo?.endpoint !== "none" || this.saved?.endpoint !== undefined)
  readonly hasToken = $derived(
    this.hasEndpoint ||
      this.kindInfo?.secret_fields.includes("token_ref") === true ||
      this.saved?.token_ref !== undefined
  )
  readonly needsEndpoint = $derived(this.kind === remoteHttp || this.kindInfo?.endpoint === "required")
  readonly dirty = $derived(
    this.saved === undefined ? this.texts !== this.opened : Object.keys(this.patch()).length > 0
  )
  /** What was typed for kinds that are not chosen now. */
  readonly #others = new Map<string, Texts>()
  readonly #own = $derived(this.#faults())
  readonly #told = $derived(
    errorsByField(this.problem?.errors ?? [], ["/id", "/kind", ...baseMembers, ...places(this.fields)])
  )
  readonly errors = $derived(this.#sentences())
  /** Field errors that belong to no field of the form. */
  readonly elsewhere = $derived(
    this.#told.elsewhere.map((error) => `${error.pointer} ${fieldErrorText(error, i18n.t.connectionForm)}`)
  )

  /**
   * @param start a new one, one to edit, or one to start a copy from
   */
  constructor(
    kinds: ReadonlyArray<Kind>,
    etag: string | undefined,
    start: { readonly edit: Connection } | { readonly copy: Connection; readonly id: string } | undefined
  ) {
    this.kinds = kinds
    this.etag = etag
    if (start === undefined) {
      this.kind = (kinds.find(({ kind }) => kind === remoteHttp) ?? kinds[0])?.kind ?? remoteHttp
    } else if ("edit" in start) this.#open(start.edit)
    else {
      this.kind = start.copy.kind
      const texts = textsOfConnection(start.copy, this.fields)
      this.texts = { ...texts, "/id": start.id, "/display_name": "" }
    }
  }

  type = (pointer: string, text: string): void => {
    this.texts = { ...this.texts, [pointer]: text }
    const errors = this.problem?.errors ?? []
    const within = (inner: string, outer: string) => inner === outer || inner.startsWith(`${outer}/`)
    const left = errors.filter((error) => !within(error.pointer, pointer) && !within(pointer, error.pointer))
    if (this.problem === undefined || left.length === errors.length) return
    // What the backend said about this field, or what it is part of, was about another text; once nothing is left of it, it is no problem any more.
    this.problem = left.length === 0 ? undefined : { ...this.problem, errors: left }
  }

  /** Options of one kind are not those of another, whatever their names; they come back with their kind. */
  chooseKind = (kind: string): void => {
    const isOption = ([pointer]: readonly [string, string]) => pointer.startsWith("/options/")
    const typed = Object.entries(this.texts)
    this.#others.set(this.kind, Object.fromEntries(typed.filter(isOption)))
    this.texts = { ...Object.fromEntries(typed.filter((one) => !isOption(one))), ...this.#others.get(kind) }
    this.kind = kind
    this.problem = undefined
  }

  patch(): Readonly<Record<string, unknown>> {
    return this.saved === undefined ? {} : patchOf(this.saved, this.opened, this.texts, this.fields)
  }

  /** Whether the form may be sent; tells what is missing otherwise. */
  check = (): boolean => {
    this.attempted = true
    return this.#own.size === 0
  }

  test = (watch: Watch) => testDraft(this.#draft(), watch)

  /** The saved connection's id, or undefined when it was not saved. */
  save = async (apply: boolean): Promise<string | undefined> => {
    if (!this.check() || this.busy !== undefined) return undefined
    this.busy = apply ? "apply" : "save"
    this.problem = undefined
    const write: Write = { ifMatch: this.etag, apply }
    const id = this.saved?.id ?? this.texts["/id"]?.trim() ?? ""
    const outcome =
      this.saved === undefined
        ? await addConnection(this.#draft(), write)
        : await editConnection(id, this.patch(), write)
    if (!outcome.ok) {
      if (outcome.problem.status === 412) await this.#meet(id)
      else this.problem = outcome.problem
    }
    this.busy = undefined
    if (!outcome.ok) return undefined
    this.conflict = undefined
    return id
  }

  /** Keeps what was typed and bases it on the version that is there now. */
  keepMine = (): void => {
    if (this.conflict === undefined) return
    this.etag = this.conflict.etag
    if (this.saved !== undefined && this.conflict.theirs !== undefined) {
      const mine = this.texts
      this.#open(this.conflict.theirs)
      this.texts = { ...this.opened, ...mine }
    }
    this.conflict = undefined
  }

  /** Drops what was typed. */
  takeTheirs = (): void => {
    if (this.conflict?.theirs === undefined) return
    this.etag = this.conflict.etag
    this.#open(this.conflict.theirs)
    this.conflict = undefined
  }

  /** What was typed for another kind before is not sent with this one. */
  #draft() {
    const texts = {
      ...this.texts,
      ...(this.hasEndpoint ? {} : { "/endpoint": "" }),
      ...(this.hasToken ? {} : { "/token_ref": "" })
    }
    return draftOf(this.kind, texts, this.fields)
  }

  #open(connection: Connection): void {
    this.saved = connection
    this.kind = connection.kind
    this.opened = textsOfConnection(connection, this.fields)
    this.texts = this.opened
  }

  /** Reads the version that is there now; what was typed is not touched. */
  async #meet(id: string): Promise<void> {
    const outcome = await listConnections()
    if (outcome.ok) {
      this.conflict = { theirs: outcome.value.connections.find((one) => one.id === id), etag: outcome.etag }
    } else this.problem = outcome.problem
  }

  #faults(): ReadonlyMap<string, string> {
    const t = i18n.t.connectionForm
    const faults = new Map<string, string>()
    const id = this.texts["/id"]?.trim() ?? ""
    if (this.saved === undefined && !idPattern.test(id)) faults.set("/id", id === "" ? t.required : t.badId)
    if (this.needsEndpoint && (this.texts["/endpoint"]?.trim() ?? "") === "") faults.set("/endpoint", t.required)
    const token = this.texts["/token_ref"]?.trim() ?? ""
    // A secret that was typed by mistake does not leave the page.
    if (this.hasToken && token !== "" && !isReference(token)) faults.set("/token_ref", t.notReference)
    for (const [pointer, fault] of faultsOf(this.fields, this.texts)) faults.set(pointer, faultText(fault, t))
    return faults
  }

  #sentences(): ReadonlyMap<string, string> {
    const sentences = new Map(this.attempted ? this.#own : [])
    for (const [pointer, error] of this.#told.at)
      sentences.set(pointer, placedErrorText(error, pointer, i18n.t.connectionForm))
    return sentences
  }
}
