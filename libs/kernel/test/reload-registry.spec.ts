import { beforeEach, describe, expect, it } from '@jest/globals';
import {
  ConfigError,
  ConfigSource,
  InfraContext,
  ReloadRegistry,
  type ConfigDocument,
  type ReloadTarget,
} from '@infra-kit/kernel';
import { eventually, FakeClock, MemoryConfigSource } from '@infra-kit/kernel/testing';
import { RecordingLogger } from './recording-logger.js';

interface Level {
  readonly level: number;
}
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

function parse(document: unknown): Level {
  const level: unknown = Reflect.get(Object(document), 'level');
  if (typeof level !== 'number')
    throw new ConfigError('clog', ['level: must be a number', 'more: unknown field']);
  return { level };
}

function target(more: Partial<ReloadTarget<Level>> = {}): ReloadTarget<Level> {
  return {
    component: 'clog',
    instance: 'default',
    parse,
    apply: ({ level }) => void applied.push(level),
    ...more,
  };
}

const settled = (): Promise<void> => clock.advance(0);
const doc = (revision: number, value: unknown): Omit<ConfigDocument, 'path'> => ({
  revision: BigInt(revision),
  value,
});

describe('a document', () => {
  it('is parsed, applied, and its revision is in force', async () => {
    registry.register(target());
    expect(registry.status()).toEqual([
      {
        component: 'clog',
        instance: 'default',
        revision: undefined,
        rejected: undefined,
        restartRequired: [],
      },
    ]);
    expect(await registry.offer('clog', 'default', doc(7, { level: 3 }))).toEqual({
      revision: 7n,
      status: 'applied',
      errors: [],
      restartRequired: [],
    });
    expect(applied).toEqual([3]);
    expect(registry.status()[0]).toMatchObject({ revision: 7n, rejected: undefined });
  });

  it('that is bad is refused with every bad field, logged and counted; the last good one stays', async () => {
    registry.register(target());
    await registry.offer('clog', 'default', doc(1, { level: 3 }));
    const outcome = await registry.offer('clog', 'default', doc(2, { level: 'x' }));
    const errors = ['level: must be a number', 'more: unknown field'];
    expect(outcome).toEqual({ revision: 2n, status: 'refused', errors, restartRequired: [] });
    expect(applied).toEqual([3]);
    expect(registry.status()[0]).toMatchObject({ revision: 1n, rejected: { revision: 2n, errors } });
    expect(registry.refused).toBe(1);
    expect(logger.lines.at(-1)).toMatchObject({
      level: 'error',
      namespace: 'reload',
      fields: { component: 'clog', revision: 2n, errors },
    });
  });

  it('that is good clears the refusal', async () => {
    registry.register(target());
    await registry.offer('clog', 'default', doc(1, {}));
    await registry.offer('clog', 'default', doc(2, { level: 4 }));
    expect(registry.status()[0]).toMatchObject({ revision: 2n, rejected: undefined });
    expect(registry.refused).toBe(1);
  });

  it('that apply throws at is refused with the message', async () => {
    registry.register(target({ apply: () => Promise.reject(new Error('disk full')) }));
    const outcome = await registry.offer('clog', 'default', doc(1, { level: 1 }));
    expect(outcome).toMatchObject({ status: 'refused', errors: ['disk full'] });
  });

  it('that changes a structural field says what waits for a restart', async () => {
    registry.register(target({ apply: () => ['driver', 'url'] }));
    const outcome = await registry.offer('clog', 'default', doc(1, { level: 1 }));
    expect(outcome).toMatchObject({ status: 'applied', restartRequired: ['driver', 'url'] });
    expect(registry.status()[0]?.restartRequired).toEqual(['driver', 'url']);
    await registry.offer('clog', 'default', doc(2, {}));
    expect(registry.status()[0]?.restartRequired).toEqual(['driver', 'url']);
  });

  it('is never applied after a newer one, refused ones included', async () => {
    registry.register(target());
    await registry.offer('clog', 'default', doc(5, { level: 5 }));
    await registry.offer('clog', 'default', doc(9, {}));
    for (const revision of [4, 5, 8, 9])
      expect(await registry.offer('clog', 'default', doc(revision, { level: revision }))).toMatchObject({
        status: 'refused',
        errors: [`revision ${revision} is not newer than 9`],
      });
    expect(applied).toEqual([5]);
    expect(registry.status()[0]).toMatchObject({ revision: 5n, rejected: { revision: 9n } });
    expect(registry.refused).toBe(1);
  });

  it('reaches a target that is an object with methods', async () => {
    class Component implements ReloadTarget<Level> {
      readonly component = 'clog';
      readonly instance = 'default';
      level = 0;
      parse(document: unknown): Level {
        return parse(document);
      }
      apply({ level }: Level): void {
        this.level = level;
      }
    }
    const component = new Component();
    registry.register(component);
    expect(await registry.offer('clog', 'default', doc(1, { level: 4 }))).toMatchObject({
      status: 'applied',
    });
    expect(component.level).toBe(4);
  });

  it('waits for the one before, however long that takes to apply', async () => {
    const gate = Promise.withResolvers<void>();
    registry.register(
      target({
        apply: async ({ level }) => {
          if (level === 1) await gate.promise;
          applied.push(level);
        },
      }),
    );
    const both = [1, 2].map((n) => registry.offer('clog', 'default', doc(n, { level: n })));
    await settled();
    expect(applied).toEqual([]);
    gate.resolve();
    await Promise.all(both);
    expect(applied).toEqual([1, 2]);
  });

  it('for nobody is refused', async () => {
    expect(await registry.offer('cache', 'sessions', doc(1, {}))).toMatchObject({
      status: 'refused',
      errors: ['no component cache(sessions)'],
    });
  });
});

describe('joined to a source', () => {
  it('present components get the present document, then each newer one', async () => {
    registry.register(target());
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
    registry.register(target());
    await settled();
    expect(applied).toEqual([1]);
  });

  it('a named instance has a path of its own', async () => {
    registry.register(target());
    registry.register(target({ instance: 'audit', apply: ({ level }) => void applied.push(-level) }));
    registry.join(source, AT);
    source.put(`${PATH}.audit`, { level: 7 });
    await settled();
    expect(applied).toEqual([-7]);
  });

  it('writes back what became of each document', async () => {
    registry.register(target());
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

  it('stops at dispose, and may be joined again', async () => {
    registry.register(target());
    const joined = registry.join(source, AT);
    registry.register(target({ instance: 'audit' }));
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
    registry.register(target());
    const first = registry.join(source, AT);
    const other = new MemoryConfigSource();
    registry.join(other, AT);
    await settled();
    expect([source.watchers, other.watchers]).toEqual([0, 1]);
    first[Symbol.dispose]();
    registry.register(target({ instance: 'audit' }));
    await settled();
    expect(other.watchers).toBe(2);
  });

  it('a component that is taken off is followed no more', async () => {
    const registered = registry.register(target());
    registry.join(source, AT);
    await settled();
    registered[Symbol.dispose]();
    source.put(PATH, { level: 1 });
    await settled();
    expect([applied, registry.status(), source.watchers]).toEqual([[], [], 0]);
  });

  it('a document that waits its turn does not reach a component that is gone', async () => {
    const gate = Promise.withResolvers<void>();
    const registered = registry.register(
      target({
        apply: async ({ level }) => {
          applied.push(level);
          await gate.promise;
        },
      }),
    );
    const both = [1, 2].map((n) => registry.offer('clog', 'default', doc(n, { level: n })));
    await settled();
    registered[Symbol.dispose]();
    gate.resolve();
    await Promise.all(both);
    expect(applied).toEqual([1]);
  });

  it('asks a source that failed again, with back-off from 1 s to 30 s, and goes on where it was', async () => {
    registry.register(target());
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
    registry.register(target());
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
    registry.register(target());
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
    registry.register(target());
    registry.join(new Reading(), AT);
    await settled();
    expect(applied).toEqual([9]);
    expect(logger.lines.filter(({ level }) => level === 'warn')).toEqual([]);
  });

  it('outlives the context in which it was joined', async () => {
    const limits: number[] = [];
    registry.register(target({ apply: () => void limits.push(InfraContext.remainingMs()) }));
    InfraContext.run({ timeoutMs: 1 }, () => registry.join(source, AT));
    source.put(PATH, { level: 1 });
    await eventually(() => expect(limits).toEqual([Infinity]));
  });
});
