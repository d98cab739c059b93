import { beforeEach, describe, expect, it } from '@jest/globals';
import { ConfigSource, InfraContext, ReloadRegistry, type ConfigDocument } from '@infra-kit/kernel';
import { eventually, FakeClock, MemoryConfigSource } from '@infra-kit/kernel/testing';
import { levelTarget } from './level-target.js';
import { RecordingLogger } from './recording-logger.js';

const AT = { env: 'test', service: 'orders', instance: 'orders-1' };
const PATH = '/config/test/orders/clog';

let clock: FakeClock;
let logger: RecordingLogger;
let registry: ReloadRegistry;
let source: MemoryConfigSource;
let applied: number[];

beforeEach(() => {
  clock = new FakeClock();
  logger = new RecordingLogger();
  registry = new ReloadRegistry({ logger, clock });
  source = new MemoryConfigSource();
  applied = [];
});

const settled = (): Promise<void> => clock.advance(0);

describe('joined to a source', () => {
  it('present components get the present document, then each newer one', async () => {
    registry.register(levelTarget(applied));
    source.put(PATH, { level: 1 });
    registry.join(source, AT);
    await settled();
    source.put(PATH, { level: 2 });
    await settled();
    expect(applied).toEqual([1, 2]);
  });

  it('components that register later do too', async () => {
    source.put(PATH, { level: 1 });
    registry.join(source, AT);
    registry.register(levelTarget(applied));
    await settled();
    expect(applied).toEqual([1]);
  });

  it('a named instance has a path of its own', async () => {
    registry.register(levelTarget(applied));
    registry.register(
      levelTarget(applied, { instance: 'audit', apply: ({ level }) => void applied.push(-level) }),
    );
    registry.join(source, AT);
    source.put(`${PATH}.audit`, { level: 7 });
    await settled();
    expect(applied).toEqual([-7]);
  });

  it('writes back what became of each document', async () => {
    registry.register(levelTarget(applied));
    registry.join(source, AT);
    source.put(PATH, { level: 1 });
    await settled();
    source.put(PATH, { level: 'x' });
    await settled();
    expect(source.reported).toMatchObject([
      { path: PATH, instance: 'orders-1', outcome: { revision: 1n, status: 'applied' } },
      {
        path: PATH,
        outcome: {
          revision: 2n,
          status: 'refused',
          errors: ['level: must be a number', 'more: unknown field'],
        },
      },
    ]);
  });

  it('has the source keep what was applied, and nothing that was refused', async () => {
    registry.register(levelTarget(applied));
    registry.join(source, AT);
    for (const level of [1, 'x', 3]) {
      source.put(PATH, { level });
      await settled();
    }
    expect(source.kept).toEqual([
      { path: PATH, revision: 1n, value: { level: 1 } },
      { path: PATH, revision: 3n, value: { level: 3 } },
    ]);
  });

  it('stops at dispose, and may be joined again', async () => {
    registry.register(levelTarget(applied));
    const joined = registry.join(source, AT);
    registry.register(levelTarget(applied, { instance: 'audit' }));
    await settled();
    expect(source.watchers).toBe(2);
    joined[Symbol.dispose]();
    await settled();
    expect(source.watchers).toBe(0);
    expect(clock.pending).toBe(0);
    source.put(PATH, { level: 1 });
    source.put(`${PATH}.audit`, { level: 2 });
    await settled();
    expect(applied).toEqual([]);
    registry.join(source, AT);
    await settled();
    expect(applied).toEqual([1, 2]);
  });

  it('a second join takes the place of the first, whose dispose then changes nothing', async () => {
    registry.register(levelTarget(applied));
    const first = registry.join(source, AT);
    const other = new MemoryConfigSource();
    registry.join(other, AT);
    await settled();
    expect([source.watchers, other.watchers]).toEqual([0, 1]);
    first[Symbol.dispose]();
    registry.register(levelTarget(applied, { instance: 'audit' }));
    await settled();
    expect(other.watchers).toBe(2);
  });

  it('a component that is taken off is followed no more', async () => {
    const registered = registry.register(levelTarget(applied));
    registry.join(source, AT);
    await settled();
    registered[Symbol.dispose]();
    source.put(PATH, { level: 1 });
    await settled();
    expect([applied, registry.status(), source.watchers]).toEqual([[], [], 0]);
  });

  it('asks a source that failed again, with back-off from 1 s to 30 s, and goes on where it was', async () => {
    registry.register(levelTarget(applied));
    source.put(PATH, { level: 1 });
    registry.join(source, AT);
    await settled();
    source.fail(() => new Error('away'));
    await settled();
    const troubles = (): number => logger.lines.filter(({ level }) => level === 'warn').length;
    expect(troubles()).toBe(1);
    for (const [pauseMs, count] of [
      [999, 1],
      [1, 2],
      [1_999, 2],
      [1, 3],
      [4_000, 4],
      [8_000, 5],
      [16_000, 6],
      [30_000, 7],
      [29_999, 7],
      [1, 8],
    ] as const) {
      await clock.advance(pauseMs);
      expect(troubles()).toBe(count);
    }
    source.fail();
    source.put(PATH, { level: 2 });
    await clock.advance(30_000);
    expect(applied).toEqual([1, 2]);
    source.fail(() => new Error('away again'));
    await settled();
    await clock.advance(1_000);
    expect(troubles()).toBe(10);
  });

  it('begins a watch again that ended without an error', async () => {
    class Ending extends MemoryConfigSource {
      watches = 0;
      override async *watch(path: string): AsyncGenerator<ConfigDocument> {
        this.watches++;
        const document = await this.load(path);
        if (document) yield document;
      }
    }
    const ending = new Ending();
    registry.register(levelTarget(applied));
    registry.join(ending, AT);
    await settled();
    expect(ending.watches).toBe(1);
    ending.put(PATH, { level: 1 });
    await clock.advance(1_000);
    ending.put(PATH, { level: 2 });
    await clock.advance(1_000);
    expect(applied).toEqual([1, 2]);
    expect(ending.watches).toBe(3);
    expect(logger.lines.filter(({ level }) => level === 'warn')).toEqual([]);
  });

  it('goes on while write-backs fail, and writes the newest when they work again', async () => {
    class Mute extends MemoryConfigSource {
      mute = true;
      override report(...args: Parameters<MemoryConfigSource['report']>): Promise<void> {
        return this.mute ? Promise.reject(new Error('read only')) : super.report(...args);
      }
    }
    const mute = new Mute();
    registry.register(levelTarget(applied));
    registry.join(mute, AT);
    for (const level of [1, 2, 3]) {
      mute.put(PATH, { level });
      await settled();
    }
    expect(applied).toEqual([1, 2, 3]);
    mute.mute = false;
    await clock.advance(1_000);
    expect(mute.reported.map(({ outcome }) => outcome.revision)).toEqual([3n]);
    expect(mute.watchers).toBe(1);
  });

  it('does without write-backs where a source has none', async () => {
    class Reading extends ConfigSource {
      async load(): Promise<undefined> {
        return undefined;
      }
      async *watch(path: string): AsyncGenerator<ConfigDocument> {
        yield { path, revision: 1n, value: { level: 9 } };
        await new Promise(() => undefined);
      }
    }
    registry.register(levelTarget(applied));
    registry.join(new Reading(), AT);
    await settled();
    expect(applied).toEqual([9]);
    expect(logger.lines.filter(({ level }) => level === 'warn')).toEqual([]);
  });

  it('outlives the context in which it was joined', async () => {
    const limits: number[] = [];
    registry.register(levelTarget(applied, { apply: () => void limits.push(InfraContext.remainingMs()) }));
    InfraContext.run({ timeoutMs: 1 }, () => registry.join(source, AT));
    source.put(PATH, { level: 1 });
    await eventually(() => expect(limits).toEqual([Infinity]));
  });
});
