import { describe, expect, it } from '@jest/globals';
import { FakeClock, seededRandom } from '@infra-kit/kernel/testing';
import type { RuleNumbers } from '../src/algorithms/algorithm.js';
import { TAKE, type Verdict } from '../src/algorithms/decide.js';
import { compileRule } from '../src/rules/compiled-rule.js';
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
        const rule = (of: RuleNumbers): RuleNumbers & { prefix: string } => ({ ...of, prefix: 'b:r:' });
        return accounts.decide(
          group.map((check) => ({ ...check, rule: rule(check.rule), resource: check.key })),
        );
      },
    };
  });

  it('a clock of the server that steps back gives nothing back and blocks nobody; one that goes on pays as ever', () => {
    let atUs = 10_000_000_000;
    const clock = Object.assign(new FakeClock(), { monotonic: () => (atUs + 0.5) / 1000 });
    const accounts = new LocalAccounts({ clock, owner: 'aa', maxKeys: 1000 });
    for (const rule of [
      { rate: 10, perMs: 1000, capacity: 10 },
      { algorithm: 'sliding-window', rate: 10, perMs: 1000, capacity: 10 },
      { algorithm: 'concurrency', rate: 10, perMs: 1000, capacity: 10 },
    ] as const) {
      atUs = 10_000_000_000;
      const compiled = compileRule('default', 'r', rule);
      const take = (): boolean =>
        accounts.one({
          key: 'k',
          resource: 'k',
          op: TAKE,
          rule: compiled,
          amount: 1,
          seq: 0,
          heldSeq: 0,
          rest: 0,
        }).ok;
      for (let n = 0; n < 10; n++) expect(take()).toBe(true);
      expect(take()).toBe(false);
      atUs -= 3_600_000_000;
      expect(take()).toBe(false);
      atUs += 2_000_000; // two periods by the new time, not an hour
      expect(take()).toBe(true);
    }
  });
});

it('the judge of windows finds what is too much (control)', () => {
  const rule = { capacity: 2, ratePerMs: 1 / 1000 };
  const at = (...times: number[]) => times.map((time) => ({ at: time, cost: 1 }));
  expect(overrun(at(0, 0, 1000, 2000), rule)).toBeUndefined();
  expect(overrun(at(0, 5000, 5000, 5500), rule)).toContain('from 5000 to 5500');
});
