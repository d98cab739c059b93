import { describe, expect, it } from '@jest/globals';
import { seededRandom } from '@infra-kit/kernel/testing';
import { differenceTo, type ListedKey } from '../src/configuration/list-difference.js';

const listed = (key: string, revision: bigint): ListedKey => ({ key, revision, value: `${key}@${revision}` });

describe('the difference between what is known and a list', () => {
  it('tells puts in ascending revision, then deletions with the revision of the list', () => {
    const known = new Map([
      ['a', 3n],
      ['b', 4n],
      ['gone', 5n],
    ]);
    const entries = [listed('a', 3n), listed('b', 9n), listed('c', 7n)];
    expect(differenceTo(known, { entries, revision: 12n })).toEqual([
      { type: 'put', ...listed('c', 7n) },
      { type: 'put', ...listed('b', 9n) },
      { type: 'delete', key: 'gone', revision: 12n },
    ]);
  });

  it('is empty for who knows all, and the whole list for who knows nothing', () => {
    const entries = [listed('b', 2n), listed('a', 1n)];
    const known = new Map([
      ['a', 1n],
      ['b', 2n],
    ]);
    expect(differenceTo(known, { entries, revision: 8n })).toEqual([]);
    expect(differenceTo(new Map(), { entries, revision: 8n }).map(({ key }) => key)).toEqual(['a', 'b']);
  });

  it('does not tell of a key that the list shows older than it is known', () => {
    const known = new Map([['a', 5n]]);
    expect(differenceTo(known, { entries: [listed('a', 4n)], revision: 4n })).toEqual([]);
  });

  it('brings whoever applies it to the state of the list, whatever happened in between', () => {
    const random = seededRandom();
    for (let round = 0; round < 500; round++) {
      const known = new Map<string, bigint>();
      const store = new Map<string, bigint>();
      for (let revision = 1n; revision <= 30n; revision++) {
        const key = random.pick(['a', 'b', 'c', 'd', 'e']);
        const change = random.next() < 0.3 ? undefined : revision;
        for (const side of revision <= 15n ? [known, store] : [store])
          if (change === undefined) side.delete(key);
          else side.set(key, change);
      }
      const entries = [...store].map(([key, revision]) => listed(key, revision));
      for (const change of differenceTo(known, { entries, revision: 30n }))
        if (change.type === 'put') known.set(change.key, change.revision);
        else known.delete(change.key);
      expect(known).toEqual(store);
    }
  });
});
