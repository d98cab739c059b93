import type { DbOptions } from '../db.config.js';
import type { DbProvider } from '../db.provider.js';
import { eachOpened, openedOnce, type DbTests } from './opened-for-tests.js';
import { shardMoveTests } from './shard-moves.suite.js';
import { shardPlaceTests } from './shard-places.suite.js';
import { shardQueryTests } from './shard-queries.suite.js';
import { openShards, type ShardSuiteTarget } from './shard-target.js';
import type { SuiteRunner } from './suite-target.js';

export type { ShardSuiteTarget } from './shard-target.js';

/** What sharding promises, on the embedded server and on several. */
export function shardSuite(runner: SuiteRunner, target: ShardSuiteTarget): void {
  let databases: Promise<DbOptions> | undefined;
  const open = async (): Promise<DbProvider> => openShards(await (databases ??= target.options()));
  const tests: DbTests = Object.fromEntries(
    Object.entries({ ...shardPlaceTests, ...shardQueryTests, ...shardMoveTests })
      .filter(([, test]) => target.concurrent || test.length < 2)
      .map(([name, test]) => [name, (db) => test(db, open)]),
  );
  runner.describe(target.name, () => (target.concurrent ? eachOpened : openedOnce)(runner, tests, open));
}
