/** English counts: "1 worker", "2 workers". */
export const plural = (count: number, one: string, other: string) =>
  `${count.toLocaleString("en")} ${count === 1 ? one : other}`
