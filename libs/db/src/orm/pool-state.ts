import type { Pool } from 'pg';

export interface PoolState {
  readonly connections: number;
  readonly idle: number;
  readonly waiting: number;
}

/** What the pools of one server hold; undefined where there is none. */
export function poolState(pools: readonly Pool[]): PoolState | undefined {
  if (pools.length === 0) return undefined;
  const sum = (of: (pool: Pool) => number): number => pools.reduce((total, pool) => total + of(pool), 0);
  return {
    connections: sum((pool) => pool.totalCount),
    idle: sum((pool) => pool.idleCount),
    waiting: sum((pool) => pool.waitingCount),
  };
}
