import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { compare, compareMemory, meets, ratiosOf } from '@infra-kit/testkit/bench';

describe('a comparison', () => {
  let printed: string[];
  beforeEach(() => {
    printed = [];
    jest.spyOn(console, 'log').mockImplementation((line: string) => void printed.push(line));
  });
  afterEach(() => {
    jest.restoreAllMocks();
  });

  const spin = (times: number) => (): number => {
    let sum = 0;
    for (let i = 0; i < times; i++) sum += Math.sqrt(i + sum);
    return sum;
  };

  it('gives one ratio a round for each subject, at least seven', async () => {
    const result = await compare({
      title: 'spinning',
      rounds: 1,
      roundMs: 1,
      baseline: { name: 'short', run: spin(1_000) },
      subjects: [
        { name: 'long', run: spin(20_000) },
        { name: 'same', run: spin(1_000) },
      ],
    });
    expect(result.subjects.map(({ name, ratios }) => [name, ratios.rounds.length])).toEqual([
      ['long', 7],
      ['same', 7],
    ]);
  });

  it('reads above one in time and below one in throughput for a subject that does twenty times the work', async () => {
    const work = {
      title: 'spinning',
      roundMs: 5,
      baseline: { name: 'short', run: spin(1_000) },
      subjects: [{ name: 'long', run: spin(20_000) }],
    };
    const time = await compare({ ...work, measure: 'time' });
    const throughput = await compare({ ...work, measure: 'throughput' });
    expect(time.subjects[0]?.ratios.median).toBeGreaterThan(1);
    expect(throughput.subjects[0]?.ratios.median).toBeLessThan(1);
  });

  it('runs all in turns, every second round in reverse', async () => {
    const order: string[] = [];
    const noting = (name: string) => ({
      name,
      run: (): void => {
        if (order.at(-1) !== name) order.push(name);
        spin(100_000)();
      },
    });
    await compare({
      title: 'turns',
      roundMs: 0.01,
      baseline: noting('a'),
      subjects: [noting('b')],
      rounds: 8,
    });
    const warmUp = 'ab';
    const rounds = ['ab', 'ba', 'ab', 'ba', 'ab', 'ba', 'ab', 'ba'].join('').replaceAll(/(.)\1/g, '$1');
    expect(order.join('')).toBe(warmUp + rounds);
  });

  it('keeps as many asynchronous iterations under way as it was told', async () => {
    let now = 0;
    let most = 0;
    const run = async (): Promise<void> => {
      most = Math.max(most, ++now);
      await new Promise((resolve) => setImmediate(resolve));
      now--;
    };
    await compare({ title: 'async', roundMs: 1, concurrency: 4, baseline: { name: 'a', run }, subjects: [] });
    expect(most).toBe(4);
  });

  it('prints ratios and goals and never a time', async () => {
    await compare({
      title: 'spinning',
      roundMs: 1,
      baseline: { name: 'short', run: spin(1_000) },
      subjects: [
        { name: 'good', run: spin(1_000), goal: '<= 1000' },
        { name: 'bad', run: spin(1_000), goal: '> 1000' },
      ],
    });
    const text = printed.join('\n');
    expect(text).toMatch(/good\s+[\d.]+\s+[\d.]+–[\d.]+ in 9 rounds {2}goal <= 1000: ok/);
    expect(text).toMatch(/bad .*goal > 1000: missed/);
    expect(text).not.toMatch(/\d ?(ms|µs|ns|s)\b/);
  });
});

describe('a comparison of memory', () => {
  beforeEach(() => {
    jest.spyOn(console, 'log').mockImplementation(() => {});
  });
  afterEach(() => {
    jest.restoreAllMocks();
  });
  it('weighs what is held, buffers outside the heap included', async () => {
    const megabytes = (count: number) => () => Buffer.alloc(count * 1_000_000);
    const result = await compareMemory({
      title: 'buffers',
      baseline: { name: 'one', build: megabytes(5) },
      subjects: [{ name: 'four', build: megabytes(20) }],
    });
    expect(result.subjects[0]?.ratios.median).toBeGreaterThan(3.5);
    expect(result.subjects[0]?.ratios.median).toBeLessThan(4.5);
  });

  it('refuses a subject that builds nothing', async () => {
    const nothing = { name: 'nothing', build: () => undefined };
    await expect(compareMemory({ title: 'empty', baseline: nothing, subjects: [] })).rejects.toThrow(
      'nothing builds',
    );
  });
});

describe('ratios', () => {
  it('have the median of an odd and of an even number of rounds', () => {
    expect(ratiosOf([3, 1, 2])).toEqual({ median: 2, min: 1, max: 3, rounds: [3, 1, 2] });
    expect(ratiosOf([4, 1, 2, 3]).median).toBe(2.5);
    expect(() => ratiosOf([])).toThrow(RangeError);
  });

  it('meet a goal by its operator', () => {
    expect([meets('<= 1', 1), meets('< 1', 1), meets('>= 1', 1), meets('> 1', 1)]).toEqual([
      true,
      false,
      true,
      false,
    ]);
    expect(() => meets('= 1' as '> 1', 1)).toThrow(TypeError);
  });
});
