import { describe, expect, it } from '@jest/globals';
import { seededRandom } from '@infra-kit/kernel/testing';
import { Picker, type PickStrategy } from '../src/registry/picker.js';
import type { ServiceInstance } from '../src/registry/service-instance.js';

const one = (id: string, more: Partial<ServiceInstance> = {}): ServiceInstance => ({
  service: 'orders',
  id,
  address: `${id}:80`,
  ...more,
});
const three = [one('a'), one('b'), one('c')];

const random = seededRandom();

class Bench {
  now = 0;
  readonly picker = new Picker({ random: () => random.next(), now: () => this.now });

  pick(
    instances: readonly ServiceInstance[],
    strategy: PickStrategy,
    more = {},
  ): ServiceInstance | undefined {
    return this.picker.pick(instances, { strategy, hashKey: '', ...more });
  }

  ids(instances: readonly ServiceInstance[], strategy: PickStrategy, times: number): string {
    return Array.from({ length: times }, () => this.pick(instances, strategy)?.id).join('');
  }
}

/** How often each id of `picked` occurs. */
function shares(picked: string): Record<string, number> {
  const found: Record<string, number> = {};
  for (const id of picked) found[id] = (found[id] ?? 0) + 1;
  return found;
}

describe('round-robin', () => {
  it('takes turns', () => {
    expect(new Bench().ids(three, 'round-robin', 7)).toBe('abcabca');
  });

  it('gives turns by weight, spread out', () => {
    const weighted = [one('a', { weight: 5 }), one('b'), one('c')];
    expect(new Bench().ids(weighted, 'round-robin', 7)).toBe('aabacaa');
  });

  it('goes on evenly when instances come and go', () => {
    const bench = new Bench();
    bench.ids(three, 'round-robin', 4);
    expect(shares(bench.ids([one('b'), one('c'), one('d')], 'round-robin', 300))).toEqual({
      b: 100,
      c: 100,
      d: 100,
    });
  });
});

describe('random', () => {
  it('spreads by weight', () => {
    const weighted = [one('a', { weight: 3 }), one('b'), one('c', { weight: 0 })];
    const { a = 0, b = 0, c } = shares(new Bench().ids(weighted, 'random', 4000));
    expect(a / b).toBeGreaterThan(2.6);
    expect(a / b).toBeLessThan(3.4);
    expect(c).toBeUndefined();
  });
});

describe('least-pending', () => {
  it('chooses who has the fewest calls under way', () => {
    const bench = new Bench();
    const ends = ['a', 'a', 'b', 'c'].map((id) => bench.picker.began(id));
    expect(bench.pick(three, 'least-pending')?.id).toBe('b');
    ends[0]?.();
    ends[0]?.(); // ends once
    ends[1]?.();
    expect(bench.pick(three, 'least-pending')?.id).toBe('a');
  });

  it('takes turns among equals', () => {
    const bench = new Bench();
    const picked = Array.from({ length: 6 }, () => {
      const id = bench.pick(three, 'least-pending')?.id ?? '';
      bench.picker.began(id)();
      return id;
    });
    expect(picked.join('')).toBe('abcabc');
  });

  it('counts a call for its weight', () => {
    const bench = new Bench();
    const weighted = [one('a', { weight: 3 }), one('b')];
    const picked = Array.from({ length: 8 }, () => {
      const id = bench.pick(weighted, 'least-pending')?.id ?? '';
      bench.picker.began(id);
      return id;
    });
    expect(shares(picked.join(''))).toEqual({ a: 6, b: 2 });
  });

  it('forgets a call whose end nobody told after a minute', () => {
    const bench = new Bench();
    for (let n = 0; n < 5; n++) bench.picker.began('a');
    bench.now = 59_000;
    expect(bench.pick([one('a'), one('b')], 'least-pending')?.id).toBe('b');
    bench.picker.began('b');
    bench.now = 61_000;
    expect(bench.pick([one('a'), one('b')], 'least-pending')?.id).toBe('a');
  });

  it('forgets what it knew of instances that are gone', () => {
    const bench = new Bench();
    for (let n = 0; n < 5; n++) bench.picker.began('a');
    bench.picker.retain(new Set(['b']));
    bench.picker.began('b');
    expect(bench.pick([one('a'), one('b')], 'least-pending')?.id).toBe('a');
  });
});

describe('consistent-hash', () => {
  const keys = Array.from({ length: 6000 }, (_, n) => `user-${n}`);
  const of = (instances: readonly ServiceInstance[], hashKey: string): string | undefined =>
    new Bench().pick(instances, 'consistent-hash', { hashKey })?.id;
  const ten = Array.from({ length: 10 }, (_, n) => one(`i${n}`));

  it('gives one key one instance, in every process and whatever the order of the list', () => {
    for (const key of keys.slice(0, 200)) expect(of(ten, key)).toBe(of(ten.toReversed(), key));
    expect(of(ten, 'user-1')).toBe('i5');
  });

  it('spreads keys evenly, and by weight', () => {
    const count = (instances: readonly ServiceInstance[]): Record<string, number> => {
      const found: Record<string, number> = {};
      for (const key of keys) {
        const id = of(instances, key) ?? '';
        found[id] = (found[id] ?? 0) + 1;
      }
      return found;
    };
    for (const share of Object.values(count(ten))) expect(Math.abs(share - 600)).toBeLessThan(120);
    const { a = 0, b = 0 } = count([one('a', { weight: 2 }), one('b')]);
    expect(a / b).toBeGreaterThan(1.8);
    expect(a / b).toBeLessThan(2.2);
  });

  it('moves the keys of an instance that goes, and no others', () => {
    const fewer = ten.filter(({ id }) => id !== 'i3');
    for (const key of keys.slice(0, 1000)) {
      const before = of(ten, key);
      if (before !== 'i3') expect(of(fewer, key)).toBe(before);
    }
  });
});

describe('zones and weights', () => {
  const zoned = [one('a', { zone: 'x' }), one('b', { zone: 'y' }), one('c', { zone: 'y' })];
  const strategies = ['round-robin', 'random', 'least-pending', 'consistent-hash'] as const;

  it.each(strategies)('%s stays in the zone asked for, and leaves it where nobody is there', (strategy) => {
    const bench = new Bench();
    const inZone = Array.from({ length: 20 }, () => bench.pick(zoned, strategy, { zone: 'y' })?.zone);
    expect(new Set(inZone)).toEqual(new Set(['y']));
    expect(bench.pick(zoned, strategy, { zone: 'nowhere' })).toBeDefined();
  });

  it.each(strategies)('%s gives nobody where all have weight 0 or none is there', (strategy) => {
    const bench = new Bench();
    expect(bench.pick([one('a', { weight: 0 })], strategy)).toBeUndefined();
    expect(bench.pick([], strategy)).toBeUndefined();
    expect(bench.pick([one('a', { weight: 0 }), one('b')], strategy)?.id).toBe('b');
  });
});
