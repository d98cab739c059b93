import { afterAll, describe, it } from '@jest/globals';
import { shardSuite } from '@infra-kit/db/testing';
import { createDatabase, type OwnDatabase } from '@infra-kit/testkit';

describe('shards on two servers', () => {
  const made: OwnDatabase[] = [];
  afterAll(async () => {
    for (const database of made) await database.drop();
  });
  shardSuite(
    { describe, it },
    {
      name: 'hold the suite',
      concurrent: true,
      options: async () => {
        const [one, two] = [await createDatabase(), await createDatabase()];
        made.push(one, two);
        const servers = [
          { name: 'one', url: one.url },
          { name: 'two', url: two.url },
        ];
        return { driver: 'postgresql', sharding: { servers, tables: {} } };
      },
    },
  );
});
