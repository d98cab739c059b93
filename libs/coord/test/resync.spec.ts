import { describe, expect, it } from '@jest/globals';
import { createCoord, MemoryCoordDriver, type CoordDriver, type CoordProvider } from '@infra-kit/coord';
import { eventually, FakeClock } from '@infra-kit/kernel/testing';
import { CapturedLogger, collect } from './coord-bench.js';

/** A store whose watches fall silent without a word, as a client with a defect would have it. */
function deafening(real: MemoryCoordDriver): { readonly driver: CoordDriver; readonly deafen: () => void } {
  let deaf = false;
  const driver = new Proxy<CoordDriver>(real, {
    get(target, property) {
      if (property === 'watch')
        return ((range, from, listener) =>
          target.watch(range, from, (signal) => {
            if (!deaf) listener(signal);
          })) satisfies CoordDriver['watch'];
      const member: unknown = Reflect.get(target, property, target);
      return typeof member === 'function' ? (member.bind(target) as unknown) : member;
    },
  });
  return { driver, deafen: () => (deaf = true) };
}

async function open(resyncIntervalMs: number): Promise<{
  coord: CoordProvider;
  clock: FakeClock;
  logger: CapturedLogger;
  deafen: () => void;
}> {
  const clock = new FakeClock();
  const logger = new CapturedLogger();
  const { driver, deafen } = deafening(new MemoryCoordDriver({ clock }));
  const coord = await createCoord({ driver, resyncIntervalMs }, { env: 'test', clock, logger });
  return { coord, clock, logger, deafen };
}

describe('a full list at every resyncIntervalMs', () => {
  it('makes up for a watch that has fallen silent: the difference, deletions included', async () => {
    const { coord, clock, logger, deafen } = await open(60_000);
    await coord.config.set('a', 1);
    await coord.config.set('b', 1);
    const watch = collect(coord.config.watchPrefix('/'));
    await eventually(() => expect(watch.items).toHaveLength(2));
    deafen();
    await coord.config.set('a', 2);
    await coord.config.delete('b');
    await clock.advance(59_000);
    expect(watch.items).toHaveLength(2);
    await clock.advance(3000);
    await eventually(() =>
      expect(watch.items.slice(2)).toEqual([
        expect.objectContaining({ type: 'put', key: '/a', value: 2, more: true }),
        expect.objectContaining({ type: 'delete', key: '/b', more: false }),
      ]),
    );
    expect(logger.lines.map(({ message }) => message)).toContain(
      'a watch has missed changes; the full list makes up for them',
    );
    await coord.config.set('a', 3);
    await clock.advance(62_000);
    await eventually(() => expect(watch.items.at(-1)).toMatchObject({ value: 3 }));
    await watch.end();
    await coord.close();
  });

  it('is what does it: with a longer interval nothing comes (control)', async () => {
    const { coord, clock, deafen } = await open(3_600_000);
    await coord.config.set('a', 1);
    const watch = collect(coord.config.watchPrefix('/'));
    await eventually(() => expect(watch.items).toHaveLength(1));
    deafen();
    await coord.config.set('a', 2);
    await clock.advance(62_000);
    expect(watch.items).toHaveLength(1);
    await watch.end();
    await coord.close();
  });

  it('tells nothing and warns of nothing while the watch keeps up', async () => {
    const { coord, clock, logger } = await open(1000);
    const watch = collect(coord.config.watchPrefix('/'));
    for (let n = 0; n < 20; n++) {
      await coord.config.set('a', n);
      await clock.advance(500);
    }
    await eventually(() => expect(watch.items.map(({ value }) => value)).toEqual([...Array(20).keys()]));
    expect(logger.lines).toEqual([]);
    await watch.end();
    await coord.close();
  });

  it('says so, once, when the store is at an older revision than it was', async () => {
    const clock = new FakeClock();
    const logger = new CapturedLogger();
    let store = new MemoryCoordDriver({ clock });
    const driver = new Proxy<CoordDriver>(store, {
      get(_, property) {
        const member: unknown = Reflect.get(store, property, store);
        return typeof member === 'function' ? (member.bind(store) as unknown) : member;
      },
    });
    const coord = await createCoord({ driver, resyncIntervalMs: 1000 }, { env: 'test', clock, logger });
    for (const value of [1, 2, 3]) await coord.config.set('a', value);
    const watch = collect(coord.config.watchPrefix('/'));
    await eventually(() => expect(watch.items).toHaveLength(1));
    store = new MemoryCoordDriver({ clock });
    for (let n = 0; n < 5; n++) await clock.advance(2500);
    expect(logger.lines).toEqual([
      expect.objectContaining({ level: 'error', message: expect.stringContaining('older revision') }),
    ]);
    await watch.end();
    await coord.close();
  });
});
