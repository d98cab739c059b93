import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { LabelBound } from '../src/series/label-bound.js';

const labels = fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.oneof(fc.nat(5), fc.constantFrom('x', 'y')));

describe('the bound of a label set', () => {
  it('never lets more than the bound and one more through, and each of the first stays itself', () => {
    fc.assert(
      fc.property(fc.array(labels, { maxLength: 200 }), fc.integer({ min: 1, max: 10 }), (sets, max) => {
        const bound = new LabelBound({ max, keep: undefined });
        const given = sets.map((set) => bound.of(set));
        const own = given.filter((set) => !bound.isOther(set));
        const key = (set: object): string =>
          Object.entries(set)
            .map(String)
            .toSorted((a, b) => a.localeCompare(b))
            .join(';');
        expect(new Set(own.map(key)).size).toBeLessThanOrEqual(max);
        for (const [at, set] of given.entries()) {
          if (bound.isOther(set)) expect(Object.values(set).every((value) => value === 'other')).toBe(true);
          else expect(set).toEqual(sets[at]);
        }
        // who came in time stays, in any order of its labels
        for (const set of own) {
          const turned = Object.fromEntries(Object.entries(set).toReversed());
          expect(bound.isOther(bound.of(turned))).toBe(false);
        }
      }),
    );
  });

  it('keeps one series for the rest, whatever labels come', () => {
    const bound = new LabelBound({ max: 1, keep: undefined });
    bound.of({ user: 1 });
    const other = bound.of({ user: 2, region: 'eu' });
    expect(other).toEqual({ user: 'other', region: 'other' });
    expect(bound.of({ somethingElse: 3 })).toBe(other);
  });
});
