import { afterEach, describe, expect, it } from '@jest/globals';
import { Injectable, Module, type INestApplication, type OnModuleDestroy, type Type } from '@nestjs/common';
import type { AddressInfo } from 'node:net';
import { createCoord, MemoryCoordDriver, MemoryCoordStore, type CoordDriver } from '@infra-kit/coord';
import { faultyCoord } from '@infra-kit/coord/testing';
import { eventually, faulty } from '@infra-kit/kernel/testing';
import {
  CacheProvider,
  ClogProvider,
  CoordProvider,
  createCache,
  InfraKitModule,
  RateLimitProvider,
  ReloadRegistry,
  ResourceStack,
  UidProvider,
  type InfraKitOptions,
} from '../src/index.js';
import { reachableAddress } from '../src/lifecycle/reachable-address.js';
import { startProbe, type ProbeApp } from './probe-app.js';

const SERVICE = 'orders';
const started: INestApplication[] = [];
afterEach(async () => {
  for (const app of started.splice(0)) await app.close();
});

async function start(driver: CoordDriver, options: InfraKitOptions = {}): Promise<ProbeApp> {
  const probe = await startProbe({
    service: SERVICE,
    coord: { driver },
    clog: { output: 'stderr', level: 'silent' },
    uid: true,
    cache: [{}, { name: 'sessions' }],
    ...options,
  });
  started.push(probe.app);
  return probe;
}

const portOf = ({ app }: ProbeApp): number => (app.getHttpServer().address() as AddressInfo).port;

describe('an application with coord', () => {
  it('has its components follow their documents, on every instance, and says what became of each', async () => {
    const store = new MemoryCoordStore();
    const [one, two] = [
      await start(new MemoryCoordDriver({ store })),
      await start(new MemoryCoordDriver({ store })),
    ];
    await using pusher = await createCoord({ driver: new MemoryCoordDriver({ store }) }, { env: 'test' });
    const { config } = pusher;
    const levels = (): string[] => [one, two].map(({ app }) => app.get(ClogProvider).level());
    expect(levels()).toEqual(['silent', 'silent']);
    await config.set(`/config/test/${SERVICE}/clog`, { level: 'fatal', levels: { sql: 'error' } });
    await eventually(() => expect(levels()).toEqual(['fatal', 'fatal']));
    expect(one.app.get(ClogProvider).level('sql')).toBe('error');

    await config.set(`/config/test/${SERVICE}/cache.sessions`, { defaultTtlMs: 'soon' });
    await eventually(async () => {
      const said = await config.list(`/config-status/config/test/${SERVICE}/cache.sessions/`);
      expect(said.map(({ value }) => value)).toEqual([
        expect.objectContaining({
          status: 'refused',
          errors: expect.arrayContaining([expect.stringContaining('defaultTtlMs')]),
        }),
      ]);
    });
    const page = (await (await fetch(`${one.url}/health`)).json()) as { reload: { refused: number } };
    expect(page.reload.refused).toBe(1);
    await config.set(`/config/test/${SERVICE}/cache`, {
      defaultTtlMs: '5m',
      driver: 'redis',
      url: 'redis://x:1',
    });
    await eventually(() =>
      expect(one.app.get(ReloadRegistry).status()).toContainEqual(
        expect.objectContaining({
          component: 'cache',
          instance: 'default',
          restartRequired: ['driver', 'url'],
        }),
      ),
    );
    await one.app.get(CacheProvider).set('a', 1);
    expect(await one.app.get(CacheProvider).ttlMs('a')).toBeGreaterThan(200_000);
  });

  it('leases its instance id from coord: the lowest free one', async () => {
    const store = new MemoryCoordStore();
    const [one, two] = [
      await start(new MemoryCoordDriver({ store })),
      await start(new MemoryCoordDriver({ store })),
    ];
    expect([one, two].map(({ app }) => app.get(UidProvider).instanceId)).toEqual([1, 2]);
    expect((await one.app.get(UidProvider).health()).detail).toMatchObject({ origin: 'leased' });
    await one.app.close();
    const three = await start(new MemoryCoordDriver({ store }));
    expect(three.app.get(UidProvider).instanceId).toBe(1);
  });

  it('makes no snowflake once its lease is lost, and goes on with a new one', async () => {
    const store = new MemoryCoordStore();
    const faults = faultyCoord(new MemoryCoordDriver({ store }));
    const { app } = await start(faults.driver, { uid: { leaseTtlMs: 2000, highWaterAheadMs: 500 } });
    const uid = app.get(UidProvider);
    uid.snowflake();
    faults.cut();
    await eventually(() => expect(() => uid.snowflake()).toThrow(/lease of instance id 1 is lost/), {
      withinMs: 10_000,
    });
    expect(uid.uuidv7()).toMatch(/-7/);
    faults.mend();
    await eventually(() => expect(typeof uid.snowflake()).toBe('bigint'), { withinMs: 15_000 });
  });

  it('is registered after it listens, with its real port, and leaves before anything else stops', async () => {
    const store = new MemoryCoordStore();
    await using other = await createCoord({ driver: new MemoryCoordDriver({ store }) }, { env: 'test' });
    const probe = await start(new MemoryCoordDriver({ store }));
    const port = portOf(probe);
    await eventually(async () =>
      expect(await other.registry.discover(SERVICE)).toEqual([
        expect.objectContaining({ service: SERVICE, address: `127.0.0.1:${port}` }),
      ]),
    );
    const seen: unknown[] = [];
    probe.app.get(ResourceStack).push({
      name: 'look',
      phase: 'intake',
      close: async () => {
        seen.push(await other.registry.discover(SERVICE), (await fetch(`${probe.url}/health/ready`)).status);
      },
    });
    await probe.app.close();
    expect(seen).toEqual([[], 503]); // gone, and still listening
  });

  it('has its limiters know how many instances there are, for the share of each while their store is away', async () => {
    const store = new MemoryCoordStore();
    await using memory = await createCache({ driver: 'memory' }, { env: 'test' });
    const cache = faulty(memory, { parts: ['scripts'] });
    cache.fail(() => Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }));
    const ratelimit = { cache: cache.driver, rules: { r: { rate: 1, perMs: 60_000, capacity: 12 } } };
    const startOne = (): Promise<ProbeApp> => start(new MemoryCoordDriver({ store }), { ratelimit });
    let accounts = 0;
    const shares = (...apps: ProbeApp[]): Promise<number[]> =>
      Promise.all(
        apps.map(async ({ app }) => {
          const { remaining, source } = await app.get(RateLimitProvider).peek(`a${accounts++}`, 'r');
          return source === 'fallback' ? remaining : -1;
        }),
      );
    const one = await startOne();
    await eventually(async () => expect(await shares(one)).toEqual([12]));
    const [two, three] = [await startOne(), await startOne()];
    await eventually(async () => expect(await shares(one, two, three)).toEqual([4, 4, 4]));
    await three.app.close();
    await eventually(async () => expect(await shares(one, two)).toEqual([6, 6]));
  });

  it('serves although the store is away, and is registered when it is back', async () => {
    const store = new MemoryCoordStore();
    const faults = faultyCoord(new MemoryCoordDriver({ store }));
    faults.cut();
    const probe = await start(faults.driver, {
      uid: { instanceId: 5 },
      coord: { driver: faults.driver, snapshotDir: '/nowhere' },
    });
    expect((await fetch(`${probe.url}/health/ready`)).status).toBe(200);
    faults.mend();
    await using other = await createCoord({ driver: new MemoryCoordDriver({ store }) }, { env: 'test' });
    await eventually(async () => expect(await other.registry.discover(SERVICE)).toHaveLength(1), {
      withinMs: 10_000,
    });
  });

  it('gives its providers to hooks of the application, and closes coord after them', async () => {
    const seen: unknown[] = [];
    @Injectable()
    class Hooked implements OnModuleDestroy {
      constructor(private readonly coord: CoordProvider) {}
      async onModuleDestroy(): Promise<void> {
        seen.push(await this.coord.config.get('a'));
      }
    }
    @Module({
      imports: [InfraKitModule.forRoot({ env: 'test', health: false, coord: true })],
      providers: [Hooked],
    })
    class AppModule {}
    const { NestFactory } = await import('@nestjs/core');
    const app = await NestFactory.createApplicationContext(AppModule as Type<unknown>, { logger: false });
    const coord = app.get(CoordProvider);
    await coord.config.set('a', 1);
    await app.close();
    expect(seen).toEqual([1]);
    await expect(coord.config.get('a')).rejects.toMatchObject({ code: 'FAILED_PRECONDITION' });
  });
});

describe('the address under which a service is registered', () => {
  const at = (address: string, advertised?: string): string | undefined =>
    reachableAddress({ address, port: 80, family: 'IPv4' }, advertised)?.address;

  it('is the one it listens on, this machine’s for one that listens everywhere, or the one advertised', () => {
    expect(at('127.0.0.1')).toBe('127.0.0.1:80');
    expect(at('::1')).toBe('[::1]:80');
    expect(at('::')).toMatch(/^\d+\.\d+\.\d+\.\d+:80$/);
    expect(at('0.0.0.0', 'orders.example')).toBe('orders.example:80');
    expect(reachableAddress('/run/socket', undefined)).toBeUndefined();
    expect(reachableAddress(null, undefined)).toBeUndefined();
  });
});
