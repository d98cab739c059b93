import { describe, expect, it, jest } from '@jest/globals';
import { HealthRegistry, type HealthReport, type HealthStatus } from '@infra-kit/kernel';

const says =
  (status: HealthStatus, detail: Record<string, unknown> = {}) =>
  async (): Promise<HealthReport> => ({ status, detail });

describe('the whole', () => {
  it.each<[HealthStatus, [HealthStatus, boolean][]]>([
    ['up', []],
    [
      'up',
      [
        ['up', true],
        ['up', false],
      ],
    ],
    [
      'degraded',
      [
        ['up', true],
        ['degraded', true],
      ],
    ],
    [
      'degraded',
      [
        ['up', true],
        ['down', false],
      ],
    ],
    [
      'down',
      [
        ['down', true],
        ['up', false],
      ],
    ],
  ])('is %s for %j (status, critical)', async (status, components) => {
    const registry = new HealthRegistry();
    components.forEach(([own, critical], index) => registry.register(`c${index}`, says(own), { critical }));
    expect((await registry.check()).status).toBe(status);
  });

  it('asks at each check whether a component is critical, when it says so by a function', async () => {
    const registry = new HealthRegistry();
    let critical = false;
    registry.register('mq', says('down'), { critical: () => critical });
    expect((await registry.check()).status).toBe('degraded');
    critical = true;
    expect((await registry.check({ only: 'critical' })).status).toBe('down');
  });

  it('holds a report a component', async () => {
    const registry = new HealthRegistry();
    registry.register('cache', says('up', { driver: 'redis' }));
    registry.register('db', says('degraded', { replicas: 1 }), { critical: true });
    expect(await registry.check()).toEqual({
      status: 'degraded',
      detail: {
        cache: { status: 'up', detail: { driver: 'redis' }, critical: false },
        db: { status: 'degraded', detail: { replicas: 1 }, critical: true },
      },
    });
  });

  it('of the critical ones alone leaves the others unasked', async () => {
    const registry = new HealthRegistry();
    let asked = 0;
    registry.register('cache', async () => {
      asked++;
      return { status: 'down', detail: {} };
    });
    registry.register('db', says('up'), { critical: true });
    const report = await registry.check({ only: 'critical' });
    expect([report.status, Object.keys(report.detail), asked]).toEqual(['up', ['db'], 0]);
  });

  it('counts components as critical that the service names', async () => {
    const registry = new HealthRegistry();
    registry.register('cache', says('down'));
    expect(registry.names).toEqual(['cache']);
    registry.requireUp(['cache']);
    expect((await registry.check({ only: 'critical' })).status).toBe('down');
  });
});

describe('a check', () => {
  it.each([
    ['rejects', () => Promise.reject(new Error('away'))],
    [
      'throws',
      () => {
        throw new Error('away');
      },
    ],
  ])('that %s is down with the message, and the whole does not throw', async (_how, check) => {
    const registry = new HealthRegistry();
    registry.register('cache', check);
    registry.register('db', says('up'));
    expect(await registry.check()).toMatchObject({
      status: 'degraded',
      detail: { cache: { status: 'down', detail: { error: 'away' } }, db: { status: 'up' } },
    });
  });

  it('that gives no report is down', async () => {
    const registry = new HealthRegistry();
    registry.register('cache', (() => Promise.resolve(undefined)) as unknown as () => Promise<HealthReport>);
    expect((await registry.check()).detail['cache']?.status).toBe('down');
  });

  it('that hangs is down after 2 s; all are asked at once and handed the limit', async () => {
    jest.useFakeTimers();
    const registry = new HealthRegistry();
    const limits: unknown[] = [];
    for (const name of ['a', 'b', 'c'])
      registry.register(name, (options) => {
        limits.push(options?.timeoutMs);
        return new Promise<never>(() => undefined);
      });
    let answered = false;
    const checking = registry.check().finally(() => (answered = true));
    await jest.advanceTimersByTimeAsync(1_999);
    expect(answered).toBe(false);
    await jest.advanceTimersByTimeAsync(1);
    const report = await checking;
    jest.useRealTimers();
    expect(report).toMatchObject({
      status: 'degraded',
      detail: { a: { status: 'down' }, c: { status: 'down' } },
    });
    expect(limits).toEqual([2_000, 2_000, 2_000]);
  });

  it('that was taken out is not asked any more', async () => {
    const registry = new HealthRegistry();
    registry.register('cache', says('down'), { critical: true })[Symbol.dispose]();
    expect(await registry.check()).toEqual({ status: 'up', detail: {} });
  });
});
