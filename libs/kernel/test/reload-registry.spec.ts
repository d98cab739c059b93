import { beforeEach, describe, expect, it } from '@jest/globals';
import { ReloadRegistry, type ConfigDocument, type ReloadTarget } from '@infra-kit/kernel';
import { FakeClock } from '@infra-kit/kernel/testing';
import { levelTarget, parseLevel, type Level } from './level-target.js';
import { RecordingLogger } from './recording-logger.js';

let clock: FakeClock;
let logger: RecordingLogger;
let registry: ReloadRegistry;
let applied: number[];

beforeEach(() => {
  clock = new FakeClock();
  logger = new RecordingLogger();
  registry = new ReloadRegistry({ logger, clock });
  applied = [];
});

const settled = (): Promise<void> => clock.advance(0);
const doc = (revision: number, value: unknown): Omit<ConfigDocument, 'path'> => ({
  revision: BigInt(revision),
  value,
});

describe('a document', () => {
  it('is parsed, applied, and its revision is in force', async () => {
    registry.register(levelTarget(applied));
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
    registry.register(levelTarget(applied));
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
    registry.register(levelTarget(applied));
    await registry.offer('clog', 'default', doc(1, {}));
    await registry.offer('clog', 'default', doc(2, { level: 4 }));
    expect(registry.status()[0]).toMatchObject({ revision: 2n, rejected: undefined });
    expect(registry.refused).toBe(1);
  });

  it('that apply throws at is refused with the message', async () => {
    registry.register(levelTarget(applied, { apply: () => Promise.reject(new Error('disk full')) }));
    const outcome = await registry.offer('clog', 'default', doc(1, { level: 1 }));
    expect(outcome).toMatchObject({ status: 'refused', errors: ['disk full'] });
  });

  it('that changes a structural field says what waits for a restart', async () => {
    registry.register(levelTarget(applied, { apply: () => ['driver', 'url'] }));
    const outcome = await registry.offer('clog', 'default', doc(1, { level: 1 }));
    expect(outcome).toMatchObject({ status: 'applied', restartRequired: ['driver', 'url'] });
    expect(registry.status()[0]?.restartRequired).toEqual(['driver', 'url']);
    await registry.offer('clog', 'default', doc(2, {}));
    expect(registry.status()[0]?.restartRequired).toEqual(['driver', 'url']);
  });

  it('is never applied after a newer one, refused ones included', async () => {
    registry.register(levelTarget(applied));
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
        return parseLevel(document);
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
      levelTarget(applied, {
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

  it('that waits its turn does not reach a component that is gone', async () => {
    const gate = Promise.withResolvers<void>();
    const registered = registry.register(
      levelTarget(applied, {
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

  it('for nobody is refused', async () => {
    expect(await registry.offer('cache', 'sessions', doc(1, {}))).toMatchObject({
      status: 'refused',
      errors: ['no component cache(sessions)'],
    });
  });
});
