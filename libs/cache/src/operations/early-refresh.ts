export interface EarlyRefresh {
  /** Milliseconds the entry is still fresh. */
  readonly freshMs: number;
  /** How long its load took, in milliseconds. */
  readonly loadMs: number;
  /** 1 is optimal, more refreshes earlier, 0 never. */
  readonly beta: number;
  /** Of (0, 1]. */
  readonly random: number;
}

/**
 * Whether to refresh before the entry expires: XFetch. The nearer the end and the dearer the load, the likelier, so
 * that of many readers about one refreshes in time. A. Vattani, F. Chierichetti, K. Lowenstein, Optimal Probabilistic
 * Cache Stampede Prevention, VLDB 2015, figure 3.
 */
export function refreshesEarly({ freshMs, loadMs, beta, random }: EarlyRefresh): boolean {
  return loadMs > 0 && beta > 0 && -loadMs * beta * Math.log(random) >= freshMs;
}
