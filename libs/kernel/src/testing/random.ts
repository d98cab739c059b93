/** Numbers that look random and come again with the same seed: mulberry32 by T. Ettinger (public domain). */
export interface SeededRandom {
  readonly seed: number;
  /** In [0, 1). */
  next(): number;
  /** A whole number in [min, max]. */
  int(min: number, max: number): number;
  /** RangeError when there is nothing to pick from. */
  pick<T>(items: readonly T[]): T;
}

/** Uses INFRA_TEST_SEED when set, so that a failing run can be repeated; prints the seed it chose. */
export function seededRandom(seed?: number): SeededRandom {
  const fromEnv = process.env['INFRA_TEST_SEED'];
  const chosen = seed ?? (fromEnv === undefined ? Math.trunc(Math.random() * 2 ** 31) : Number(fromEnv));
  process.stdout.write(`seed ${chosen} (repeat with INFRA_TEST_SEED=${chosen})\n`);
  let state = chosen >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const int = (min: number, max: number): number => min + Math.floor(next() * (max - min + 1));
  return {
    seed: chosen,
    next,
    int,
    pick: <T>(items: readonly T[]): T => {
      if (items.length === 0) throw new RangeError('pick: nothing to pick from');
      return items[int(0, items.length - 1)] as T;
    },
  };
}
