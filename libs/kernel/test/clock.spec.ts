import { AsyncLocalStorage } from 'node:async_hooks';
import { getEventListeners } from 'node:events';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { SystemClock, type Clock } from '@infra-kit/kernel';
import { eventually, FakeClock } from '@infra-kit/kernel/testing';

const DAY_MS = 86_400_000;

/** Both clocks, and how to let time go by: of the machine's, its timers. */
const CLOCKS: [string, () => { clock: Clock; advance: (ms: number) => Promise<void> }][] = [
  [
    'SystemClock',
    () => {
      jest.useFakeTimers();
      return { clock: new SystemClock(), advance: (ms) => jest.advanceTimersByTimeAsync(ms) };
    },
  ],
  [
    'FakeClock',
    () => {
      const clock = new FakeClock();
      return { clock, advance: (ms) => clock.advance(ms) };
    },
  ],
];

describe.each(CLOCKS)('%s', (_name, make) => {
  afterEach(() => {
    jest.useRealTimers();
  });

  it('tells epoch milliseconds and monotonic milliseconds, both moving on', async () => {
    const { clock, advance } = make();
    const [now, monotonic] = [clock.now(), clock.monotonic()];
    expect(now).toBeGreaterThan(Date.UTC(2020, 0, 1));
    await advance(250);
    expect(clock.now() - now).toBeCloseTo(250, 0);
    expect(clock.monotonic() - monotonic).toBeCloseTo(250, 0);
  });

  it('runs a timeout once, at its time', async () => {
    const { clock, advance } = make();
    let ran = 0;
    clock.setTimeout(() => ran++, 100);
    await advance(99);
    expect(ran).toBe(0);
    await advance(1);
    await advance(1_000);
    expect(ran).toBe(1);
  });

  it('runs an interval again and again until it is disposed', async () => {
    const { clock, advance } = make();
    let ran = 0;
    const timer = clock.setInterval(() => ran++, 100);
    timer.unref();
    await advance(350);
    expect(ran).toBe(3);
    timer[Symbol.dispose]();
    timer[Symbol.dispose]();
    await advance(1_000);
    expect(ran).toBe(3);
  });

  it('does not run a timeout that was disposed', async () => {
    const { clock, advance } = make();
    let ran = 0;
    const timer = clock.setTimeout(() => ran++, 100);
    timer.unref();
    timer[Symbol.dispose]();
    await advance(1_000);
    expect(ran).toBe(0);
  });

  it('waits as long as it is told though that is longer than a timer of Node', async () => {
    const { clock, advance } = make();
    let ran = 0;
    const timer = clock.setTimeout(() => ran++, 60 * DAY_MS);
    timer.unref();
    const disposed = clock.setTimeout(() => ran++, 60 * DAY_MS);
    await advance(30 * DAY_MS);
    disposed[Symbol.dispose]();
    await advance(30 * DAY_MS - 1);
    expect(ran).toBe(0);
    await advance(1);
    expect(ran).toBe(1);
  });

  it('sleeps', async () => {
    const { clock, advance } = make();
    let awake = false;
    void clock.sleep(100).then(() => (awake = true));
    await advance(99);
    expect(awake).toBe(false);
    await advance(1);
    expect(awake).toBe(true);
  });

  it('sleep rejects with CANCELLED when its signal aborts, and leaves neither timer nor listener', async () => {
    const { clock, advance } = make();
    const stop = new AbortController();
    const sleeping = clock.sleep(100, stop.signal);
    expect(getEventListeners(stop.signal, 'abort')).toHaveLength(1);
    stop.abort();
    await expect(sleeping).rejects.toMatchObject({ code: 'CANCELLED' });
    await expect(clock.sleep(100, stop.signal)).rejects.toMatchObject({ code: 'CANCELLED' });
    const slept = new AbortController();
    const full = clock.sleep(1, slept.signal);
    await advance(1);
    await full;
    expect(getEventListeners(slept.signal, 'abort')).toHaveLength(0);
    if (clock instanceof FakeClock) expect(clock.pending).toBe(0);
    else expect(jest.getTimerCount()).toBe(0);
  });
});

describe('FakeClock', () => {
  it('starts where it is told and stands still', async () => {
    expect(new FakeClock({ now: 5 }).now()).toBe(5);
    const clock = new FakeClock({ now: new Date(7) });
    const real = performance.now();
    await eventually(() => expect(performance.now()).toBeGreaterThan(real + 5));
    expect([clock.now(), clock.monotonic()]).toEqual([7, 0]);
  });

  it('runs what falls due in order of time, then of creation, each at its own time', async () => {
    const clock = new FakeClock({ now: 0 });
    const seen: [string, number][] = [];
    const note = (name: string) => (): void => void seen.push([name, clock.now()]);
    clock.setTimeout(note('late'), 30);
    clock.setTimeout(note('one'), 10);
    clock.setTimeout(note('two'), 10);
    clock.setInterval(note('tick'), 20);
    await clock.advance(50);
    expect(seen).toEqual([
      ['one', 10],
      ['two', 10],
      ['tick', 20],
      ['late', 30],
      ['tick', 40],
    ]);
    expect(clock.now()).toBe(50);
  });

  it('lets promises settle between timers, so that a loop of sleeps keeps time', async () => {
    const clock = new FakeClock();
    const at: number[] = [];
    const loop = async (): Promise<void> => {
      for (let n = 0; n < 3; n++) {
        await clock.sleep(10);
        await Promise.resolve().then(() => Promise.resolve());
        at.push(clock.monotonic());
      }
    };
    const looping = loop();
    await clock.advance(25);
    expect(at).toEqual([10, 20]);
    await clock.advance(5);
    await looping;
    expect(at).toEqual([10, 20, 30]);
  });

  it('settles what is on its way before time moves', async () => {
    const clock = new FakeClock();
    let ran = false;
    void Promise.resolve()
      .then(() => undefined)
      .then(() => clock.setTimeout(() => (ran = true), 10));
    await clock.advance(10);
    expect(ran).toBe(true);
  });

  it('steps the wall clock alone', async () => {
    const clock = new FakeClock({ now: 1_000 });
    let ran = false;
    clock.setTimeout(() => (ran = true), 10);
    clock.step(-500);
    clock.step(3_600_000);
    expect([clock.now(), clock.monotonic(), ran]).toEqual([3_600_500, 0, false]);
    await clock.advance(10);
    expect([clock.now(), ran]).toEqual([3_600_510, true]);
  });

  it('runs a timer in the context in which it was set, as Node does', async () => {
    const clock = new FakeClock();
    const store = new AsyncLocalStorage<string>();
    let seen: string | undefined;
    store.run('setter', () => clock.setTimeout(() => (seen = store.getStore()), 10));
    await store.run('driver', () => clock.advance(10));
    expect(seen).toBe('setter');
  });

  it.each([-1, Number.NaN])('refuses to advance by %d', async (ms) => {
    await expect(new FakeClock().advance(ms)).rejects.toThrow(RangeError);
  });
});
