import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { eventually, FakeClock, faulty, MemoryConfigSource, seededRandom } from '@infra-kit/kernel/testing';

describe('eventually', () => {
  it('polls until the function neither throws nor rejects, and gives its value', async () => {
    let tries = 0;
    const value = await eventually(() => {
      tries++;
      if (tries === 1) throw new Error('not yet');
      return tries === 2 ? Promise.reject(new Error('not yet')) : Promise.resolve('there');
    });
    expect([value, tries]).toEqual(['there', 3]);
  });

  it('rejects with the last failure once its time is over', async () => {
    let tries = 0;
    const trying = eventually(() => Promise.reject(new Error(`failure ${++tries}`)), { withinMs: 50 });
    const error: unknown = await trying.catch((reason: unknown) => reason);
    expect(tries).toBeGreaterThan(1);
    expect(error).toMatchObject({
      message: `not within 50 ms: failure ${tries}`,
      cause: new Error(`failure ${tries}`),
    });
  });

  it('rejects in time also when the function hangs', async () => {
    let tries = 0;
    const trying = eventually(
      () => (++tries === 1 ? Promise.reject(new Error('first')) : new Promise<never>(() => undefined)),
      { withinMs: 50 },
    );
    await expect(trying).rejects.toThrow('not within 50 ms: first');
  });
});

class Driver {
  readonly #store = new Map<string, string>([['k', 'v']]);
  readonly kind = 'memory';
  get(key: string): Promise<string | undefined> {
    return Promise.resolve(this.#store.get(key));
  }
  async set(key: string, value: string): Promise<void> {
    this.#store.set(key, value);
  }
  codeOf(): string {
    return 'UNAVAILABLE';
  }
}

describe('faulty', () => {
  it('behaves as the driver until told otherwise', async () => {
    const { driver } = faulty(new Driver());
    await driver.set('a', '1');
    expect([await driver.get('a'), await driver.get('k'), driver.kind]).toEqual(['1', 'v', 'memory']);
  });

  it('fails every call, or the named ones alone, until it is healed', async () => {
    const faults = faulty(new Driver());
    faults.fail(() => new Error('away'));
    await expect(faults.driver.get('k')).rejects.toThrow('away');
    faults.fail(() => new Error('away'), ['set']);
    await expect(faults.driver.get('k')).resolves.toBe('v');
    await expect(faults.driver.set('k', 'w')).rejects.toThrow('away');
    faults.heal();
    await faults.driver.set('k', 'w');
    await expect(faults.driver.get('k')).resolves.toBe('w');
  });

  it('hangs calls, and carries them out when it is healed', async () => {
    const faults = faulty(new Driver());
    faults.hang();
    let value: string | undefined;
    const call = faults.driver.get('k').then((found) => (value = found));
    await new Promise((resolve) => setImmediate(resolve));
    expect(value).toBeUndefined();
    faults.heal();
    await call;
    expect(value).toBe('v');
  });

  it('delays calls by the clock given', async () => {
    const clock = new FakeClock();
    const faults = faulty(new Driver(), { clock });
    faults.delay(100);
    let value: string | undefined;
    void faults.driver.get('k').then((found) => (value = found));
    await clock.advance(99);
    expect(value).toBeUndefined();
    await clock.advance(1);
    expect(value).toBe('v');
  });

  it('leaves codeOf and members that are no methods alone', () => {
    const faults = faulty(new Driver());
    faults.fail(() => new Error('away'));
    expect([faults.driver.codeOf(), faults.driver.kind]).toEqual(['UNAVAILABLE', 'memory']);
  });

  it('disturbs the methods of a part, where one is named, under the name of the part', async () => {
    const whole = { lists: new Driver(), other: new Driver() };
    const faults = faulty(whole, { parts: ['lists'] });
    expect([await faults.driver.lists.get('k'), faults.driver.lists.kind]).toEqual(['v', 'memory']);
    faults.fail(() => new Error('away'), ['lists']);
    await expect(faults.driver.lists.get('k')).rejects.toThrow('away');
    await expect(faults.driver.other.get('k')).resolves.toBe('v');
    expect([faults.calls.get('lists'), faults.calls.get('get')]).toEqual([2, undefined]);
  });

  it('counts calls by method', async () => {
    const faults = faulty(new Driver());
    await faults.driver.get('k');
    faults.fail(() => new Error('away'));
    await faults.driver.get('k').catch(() => undefined);
    expect([faults.calls.get('get'), faults.calls.get('set')]).toEqual([2, undefined]);
  });
});

describe('seededRandom', () => {
  const written: string[] = [];
  beforeEach(() => {
    written.length = 0;
    jest.spyOn(process.stdout, 'write').mockImplementation((text) => {
      written.push(String(text));
      return true;
    });
  });
  afterEach(() => {
    jest.restoreAllMocks();
    delete process.env['INFRA_TEST_SEED'];
  });
  const some = (seed?: number): number[] => {
    const random = seededRandom(seed);
    return Array.from({ length: 50 }, () => random.next());
  };

  it('comes again with the same seed, and prints it', () => {
    expect(some(42)).toEqual(some(42));
    expect(some(43)).not.toEqual(some(42));
    expect(written[0]).toBe('seed 42 (repeat with INFRA_TEST_SEED=42)\n');
  });

  it('takes the seed of INFRA_TEST_SEED, so that a failing run can be repeated', () => {
    process.env['INFRA_TEST_SEED'] = '42';
    expect(seededRandom().seed).toBe(42);
    expect(some()).toEqual(some(42));
  });

  it('chooses a seed of its own otherwise, another each time', () => {
    expect(new Set([seededRandom().seed, seededRandom().seed, seededRandom().seed]).size).toBe(3);
  });

  it('is mulberry32', () => {
    expect(some(1).slice(0, 3)).toEqual([0.6270739405881613, 0.002735721180215478, 0.5274470399599522]);
  });

  it('int and pick reach every value of their range and nothing else', () => {
    const random = seededRandom(7);
    const rolled = new Set(Array.from({ length: 500 }, () => random.int(1, 6)));
    expect(rolled).toEqual(new Set([1, 2, 3, 4, 5, 6]));
    const picked = new Set(Array.from({ length: 500 }, () => random.pick(['a', 'b'])));
    expect(picked).toEqual(new Set(['a', 'b']));
    expect(() => random.pick([])).toThrow(RangeError);
  });
});

describe('MemoryConfigSource', () => {
  it('loads the present document, its revision rising over all paths', async () => {
    const source = new MemoryConfigSource();
    expect(await source.load('/a')).toBeUndefined();
    source.put('/a', 1);
    source.put('/b', 1);
    expect(source.put('/a', 2)).toBe(3n);
    expect(await source.load('/a')).toEqual({ path: '/a', revision: 3n, value: 2 });
  });

  it('watches from the present document on, and ends with its signal', async () => {
    const source = new MemoryConfigSource();
    const stop = new AbortController();
    const seen: unknown[] = [];
    source.put('/a', 1);
    const watching = (async () => {
      for await (const { value } of source.watch('/a', stop.signal)) seen.push(value);
    })();
    await eventually(() => expect(seen).toEqual([1]));
    source.put('/b', 9);
    source.put('/a', 2);
    await eventually(() => expect(seen).toEqual([1, 2]));
    stop.abort();
    await watching;
    expect(source.watchers).toBe(0);
  });

  it('fails every call and every watch until it works again', async () => {
    const source = new MemoryConfigSource();
    const watching = source.watch('/a', new AbortController().signal).next();
    source.fail(() => new Error('away'));
    await expect(watching).rejects.toThrow('away');
    await expect(source.load('/a')).rejects.toThrow('away');
    await expect(
      source.report('/a', 'i', { revision: 1n, status: 'applied', errors: [], restartRequired: [] }),
    ).rejects.toThrow('away');
    source.fail();
    await expect(source.load('/a')).resolves.toBeUndefined();
  });
});
