/** Where things are within the store's folder. */
export interface Folders {
  readonly root: string
  readonly log: string
  readonly workers: string
  readonly receipts: string
  /** Files of damaged workers; nothing here is ever read or deleted. */
  readonly setAside: string
}

export const under = (root: string): Folders => ({
  root,
  log: `${root}/log`,
  workers: `${root}/workers`,
  receipts: `${root}/receipts`,
  setAside: `${root}/set-aside`
})
