import { describe, expect, it } from '@jest/globals';
import { firstShardOf, slotOf, SLOTS } from '../src/sharding/slots.js';

const place = { name: 'default', label: 'db' };

describe('slots', () => {
  it('are the same on every release', () => {
    expect(['7', '42', 'alice', 'Grüße', '9007199254740993'].map((key) => slotOf(place, key)))
      .toMatchInlineSnapshot(`
      [
        642,
        136,
        71,
        113,
        823,
      ]
    `);
  });

  it('are one for 7, the text 7 and the bigint 7', () => {
    expect([7, '7', 7n, -0, 0].map((key) => slotOf(place, key))).toEqual(
      ['7', '7', '7', '0', '0'].map((key) => slotOf(place, key)),
    );
  });

  it('spread keys evenly: no shard of 16 has 10 % more than its share', () => {
    const counts = Array.from({ length: 16 }, () => 0);
    for (let key = 0; key < 100_000; key++) {
      const shard = firstShardOf(slotOf(place, key), 16);
      counts[shard] = (counts[shard] ?? 0) + 1;
    }
    expect(Math.max(...counts)).toBeLessThan((100_000 / 16) * 1.1);
  });

  it.each([1, 3, 16, 1024])('belong to %i shards in even stretches', (shards) => {
    const owners = Array.from({ length: SLOTS }, (_, slot) => firstShardOf(slot, shards));
    expect(new Set(owners).size).toBe(shards);
    expect(owners).toEqual([...owners].sort((a, b) => a - b));
  });
});
