import { describe, expect, it } from '@jest/globals';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createBreaker, type Breaker, type BreakerOptions } from '../src/index.js';
import { fail, succeed } from './breakers.js';
import { ManualClock } from './manual-clock.js';
import { QuietLogger } from './quiet-logger.js';

const MANY = 10_000;
const now = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function scene(options: BreakerOptions = {}) {
  const clock = new ManualClock();
  return {
    clock,
    made: createBreaker(options, { env: 'test', clock, logger: new QuietLogger() }),
    later: (ms: number) => clock.advance(ms, now),
  };
}

describe('ten thousand breakers', () => {
  it('hold no timer, in whatever state', async () => {
    const before = process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    const provider = await createBreaker(
      { default: { failureThreshold: 1, timeoutMs: 60_000 } },
      { env: 'test', logger: new QuietLogger() },
    );
    for (let index = 0; index < MANY; index++) {
      const breaker = provider.get(`b${index}`);
      await breaker.execute(index % 2 === 0 ? succeed : fail).catch(() => undefined);
    }
    expect(provider.all().filter(({ state }) => state === 'open').length).toBe(MANY / 2);
    expect(process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length).toBe(before);
    await provider.close();
  });
});

describe('the clock', () => {
  it('is not read by calls of a closed breaker without slowCallMs, time window and MeterProvider', async () => {
    const { clock, made } = scene();
    const breaker = (await made).get('x');
    await breaker.execute(succeed);
    clock.reads = 0;
    for (let call = 0; call < 100; call++) {
      await breaker.execute(succeed);
      await breaker.execute((_signal) => Promise.resolve(1));
      await breaker.execute(succeed, { fallback: () => 'x' });
      if (call % 5 === 0) await breaker.execute(fail).catch(() => undefined);
    }
    expect(clock.reads).toBe(0);
    expect(breaker.snapshot().failures).toBeGreaterThan(0);
  });

  it('is read where calls are timed (so that the test above can fail)', async () => {
    const { clock, made } = scene({ default: { slowCallMs: 5 } });
    const breaker = (await made).get('x');
    clock.reads = 0;
    await breaker.execute(succeed);
    expect(clock.reads).toBeGreaterThan(0);
  });
});

describe('breakers that nobody uses', () => {
  const HOUR = 3_600_000;

  it('are forgotten after idleMs, an hour by default', async () => {
    const { made, later } = scene();
    const provider = await made;
    provider.get('once');
    await later(HOUR - 1);
    expect(provider.all().length).toBe(1);
    await later(1);
    expect(provider.all()).toEqual([]);
  });

  it('stay while they are used, without a clock being read by calls', async () => {
    const { made, later } = scene({ idleMs: 1000 });
    const provider = await made;
    provider.get('idle');
    for (let second = 0; second < 5; second++) {
      await provider.get('busy').execute(succeed);
      await later(1000);
      provider.get(`another ${second}`);
    }
    const names = provider.all().map(({ name }) => name);
    expect(names).toContain('busy');
    expect(names).not.toContain('idle');
  });

  it('stay when they are not closed, when failures are in their window, and when somebody listens', async () => {
    const { made, later } = scene({ idleMs: 1000, default: { failureThreshold: 5 } });
    const provider = await made;
    provider.get('isolated').isolate();
    await provider
      .get('counting')
      .execute(fail)
      .catch(() => undefined);
    const listening = provider.get('listened to').onStateChange(() => undefined);
    for (let look = 0; look < 3; look++) {
      await later(2000);
      expect(provider.all().map(({ name }) => name)).toEqual(['isolated', 'counting', 'listened to']);
    }
    expect(provider.get('counting').snapshot().failures).toBe(1);
    listening[Symbol.dispose]();
    await later(2000);
    await later(provider.all().length * 1000);
    expect(provider.all().map(({ name }) => name)).not.toContain('listened to');
  });

  it('stay the breaker of their name for whoever holds on to them', async () => {
    const { made, later } = scene({ idleMs: 1000 });
    const provider = await made;
    const held = provider.get('held');
    await later(2000);
    expect(provider.all()).toEqual([]);
    held.isolate();
    expect(provider.get('held')).toBe(held);
    expect(provider.all()).toEqual([held]);
  });

  it('are seen again when whoever holds on to them uses them, and what they know stays when let go', async () => {
    const { made, later } = scene({ idleMs: 1000, default: { failureThreshold: 1 } });
    const provider = await made;
    const collect = async (): Promise<void> => {
      setFlagsFromString('--expose-gc');
      for (let turn = 0; turn < 3; turn++) {
        await now();
        (runInNewContext('gc') as () => void)();
      }
    };
    const unused = new WeakRef(provider.get('unused'));
    let held: Breaker | undefined = provider.get('held');
    let heard: Breaker | undefined = provider.get('heard');
    await later(2000);
    expect(provider.all()).toEqual([]);
    const heardOf: string[] = [];
    heard.onStateChange(({ to }) => void heardOf.push(to));
    await held.execute(fail).catch(() => undefined);
    expect(await provider.health()).toMatchObject({
      status: 'degraded',
      detail: { notClosed: { held: 'open' } },
    });
    held = heard = undefined;
    await collect();
    expect(unused.deref()).toBeUndefined(); // the control: what nobody used is gone
    expect(provider.get('held').state).toBe('open');
    provider.get('heard').isolate();
    expect(heardOf).toEqual(['isolated']);
  });

  it('leave no memory behind', async () => {
    const { made, later } = scene({ idleMs: 1000 });
    const provider = await made;
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const held = (): number => {
      collect();
      return process.memoryUsage().heapUsed;
    };
    const round = async (): Promise<void> => {
      for (let index = 0; index < MANY; index++) await provider.get(`${Math.random()}`).execute(succeed);
      for (let look = 0; look < 3; look++) {
        await later(2000);
        provider.all();
        await now();
        collect();
      }
    };
    await round();
    const before = held();
    for (let again = 0; again < 3; again++) await round();
    const perBreaker = (held() - before) / (3 * MANY);
    expect(perBreaker).toBeLessThan(100); // a breaker that stayed would be several hundred bytes
  });
});
