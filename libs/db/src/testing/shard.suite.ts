import type { DbOptions } from '../db.config.js';
import type { DbProvider } from '../db.provider.js';
import { shardMoveTests } from './shard-moves.suite.js';
import { shardPlaceTests } from './shard-places.suite.js';
import { shardQueryTests } from './shard-queries.suite.js';
import { openShards, type ShardSuiteTarget } from './shard-target.js';
import type { SuiteRunner } from './suite-target.js';

export type { ShardSuiteTarget } from './shard-target.js';

/** What sharding promises, on the embedded server and on several. */
export function shardSuite({ describe, it }: SuiteRunner, target: ShardSuiteTarget): void {
  describe(target.name, () => {
    let databases: Promise<DbOptions> | undefined;
    const open = async (): Promise<DbProvider> => openShards(await (databases ??= target.options()));
    for (const [name, test] of Object.entries({
      ...shardPlaceTests,
      ...shardQueryTests,
      ...shardMoveTests,
    })) {
      if (!target.concurrent && test.length > 1) continue;
      it(name, async () => {
        const db = await open();
        try {
          await test(db, open);
        } finally {
          await db.close();
        }
      });
    }
  });
}
