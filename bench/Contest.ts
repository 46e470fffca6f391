/** Contenders in turns: A B C, C B A, …, after a warm-up that does not count. */

export interface Settings {
  readonly rounds: number
  /** Length of one turn, in milliseconds. */
  readonly turnMs: number
  /** Another version of the product, as a contender of its own. */
  readonly before: string | undefined
}

/** What every contender did, round by round. */
export const inTurns = async <A>(
  names: ReadonlyArray<string>,
  rounds: number,
  turn: (name: string, round: number) => Promise<A>
): Promise<Map<string, Array<A>>> => {
  const found = new Map<string, Array<A>>(names.map((name) => [name, []]))
  for (const name of names) await turn(name, -1)
  for (let round = 0; round < rounds; round++) {
    for (const name of round % 2 === 0 ? names : names.toReversed()) found.get(name)!.push(await turn(name, round))
  }
  return found
}
