import type { CallOptions } from '@infra-kit/kernel';
import { esError } from '../es.errors.js';
import type { Scope } from '../es.types.js';
import type { EsEngine } from './es-engine.js';
import type { Searches } from './searches.js';

const REFRESH = { name: 'indices.refresh', repeatable: true };
const BULK = { name: 'bulk', repeatable: true };
const AT_ONCE = 1000;
const GONE = 404;

interface Found {
  readonly id: string;
  readonly index: string;
  readonly routing: string | undefined;
}

/**
 * Deletes what a scope holds, found by a point in time and deleted by bulk requests: every distribution can do that.
 * Deleting twice is harmless, so that a try without an answer is made again.
 */
export class ScopeDeletion {
  readonly #engine: EsEngine;
  readonly #searches: Searches;

  constructor(engine: EsEngine, searches: Searches) {
    this.#engine = engine;
    this.#searches = searches;
  }

  async deleteIn(index: string, scope: Scope, options?: CallOptions): Promise<number> {
    const { driver, runner, names } = this.#engine;
    const full = names.full(index);
    const query = this.#searches.scoped(scope, { source: [], size: AT_ONCE });
    const refresh = (): Promise<void> =>
      runner.run(REFRESH, options, (call) => driver.refresh(full, call), full);
    await refresh();
    let deleted = 0;
    let ids: Found[] = [];
    for await (const { id, index: holder, routing } of this.#searches.iterate(index, query, options)) {
      ids.push({ id, index: names.full(holder), routing });
      if (ids.length < AT_ONCE) continue;
      deleted += await this.#delete(ids, options);
      ids = [];
    }
    deleted += await this.#delete(ids, options);
    await refresh();
    return deleted;
  }

  async #delete(found: readonly Found[], options: CallOptions | undefined): Promise<number> {
    const { driver, runner, place } = this.#engine;
    let count = 0;
    for (const index of new Set(found.map((each) => each.index))) {
      const ops = found.filter((each) => each.index === index).map(({ id, routing }) => ({ id, routing }));
      const outcomes = await runner.run(BULK, options, (call) => driver.bulk({ index, ops }, call), index);
      const bad = outcomes.find(({ status }) => status >= 300 && status !== GONE);
      if (bad !== undefined)
        throw esError(
          place,
          'UNAVAILABLE',
          `deleteIn: the cluster refused some, ${bad.reason ?? bad.status}; call again to go on`,
        );
      count += ops.length;
    }
    return count;
  }
}
