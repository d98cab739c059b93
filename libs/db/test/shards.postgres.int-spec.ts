import { afterAll, describe, it } from '@jest/globals';
import { shardSuite } from '@infra-kit/db/testing';
import { createDatabase, type OwnDatabase } from '@infra-kit/testkit';

/** A dozen writers meet a move, on a machine that may be busy. */
const PATIENT_MS = 120_000;

describe('shards on two servers', () => {
  const made: OwnDatabase[] = [];
  afterAll(async () => {
    for (const database of made) await database.drop();
  });
  shardSuite(
    { describe, it: (name, body) => it(name, body, PATIENT_MS) },
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
