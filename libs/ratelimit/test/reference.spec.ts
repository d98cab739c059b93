import { describe, expect, it } from '@jest/globals';
import { FakeClock, seededRandom } from '@infra-kit/kernel/testing';
import type { Verdict } from '../src/algorithms/decide.js';
import { LocalAccounts } from '../src/store/local-accounts.js';
import { overrun } from './fixtures/reference.js';
import { referenceProperty } from './fixtures/reference-property.js';

describe('accounts in memory', () => {
  referenceProperty(seededRandom, async () => {
    let atUs = 0;
    const clock = Object.assign(new FakeClock(), { monotonic: () => (atUs + 0.5) / 1000 });
    const accounts = new LocalAccounts({ clock, owner: 'aa', maxKeys: 1000 });
    return {
      name: 'memory',
      sequences: 60,
      ask: async (group, at): Promise<readonly Verdict[]> => {
        atUs = at - 1_790_000_000_000_000; // a monotonic clock is small, and exact to the µs
        return accounts.decide(group.map((check) => ({ ...check, prefix: 'b:r:', resource: check.key })));
      },
    };
  });
});

it('the judge of windows finds what is too much (control)', () => {
  const rule = { capacity: 2, ratePerMs: 1 / 1000 };
  const at = (...times: number[]) => times.map((time) => ({ at: time, cost: 1 }));
  expect(overrun(at(0, 0, 1000, 2000), rule)).toBeUndefined();
  expect(overrun(at(0, 5000, 5000, 5500), rule)).toContain('from 5000 to 5500');
});
