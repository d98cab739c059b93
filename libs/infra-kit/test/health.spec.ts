import { afterEach, describe, expect, it } from '@jest/globals';
import {
  CacheProvider,
  HealthRegistry,
  ReloadRegistry,
  type HealthStatus,
  type InfraKitOptions,
} from '../src/index.js';
import { startProbe, type ProbeApp } from './probe-app.js';

let probe: ProbeApp | undefined;
afterEach(() => probe?.app.close());

async function start(options: InfraKitOptions): Promise<ProbeApp> {
  probe = await startProbe(options);
  return probe;
}

/** A component of the application whose health the test decides. */
function register({ app }: ProbeApp, name: string, status: HealthStatus, critical = false): void {
  app
    .get(HealthRegistry)
    .register(name, () => Promise.resolve({ status, detail: { driver: 'double' } }), { critical });
}

async function page(
  { url }: ProbeApp,
  path: string,
): Promise<{ status: number; body: Record<string, unknown> }> {
  const response = await fetch(url + path);
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

describe('readiness', () => {
  it('is 503 while a critical component is down, and liveness stays 200', async () => {
    const started = await start({});
    register(started, 'db', 'down', true);
    expect(await page(started, '/health/ready')).toMatchObject({
      status: 503,
      body: { status: 'error', error: { db: { status: 'down' } } },
    });
    expect((await page(started, '/health')).status).toBe(503);
    expect((await page(started, '/health/live')).status).toBe(200);
  });

  it('does not ask components that are not critical, unless the configuration names them', async () => {
    const lenient = await start({});
    register(lenient, 'cache', 'down');
    expect((await page(lenient, '/health/ready')).status).toBe(200);
    await lenient.app.close();
    const strict = await start({ cache: true, health: { critical: ['cache'] } });
    expect((await page(strict, '/health/ready')).status).toBe(200);
    await strict.app.get(CacheProvider).close();
    expect((await page(strict, '/health/ready')).status).toBe(503);
  });
});

describe('the full report', () => {
  it('has every component: one that is down and not critical makes it degraded', async () => {
    const started = await start({ uid: true, cache: true });
    register(started, 'search', 'down');
    const { status, body } = await page(started, '/health');
    expect(status).toBe(200);
    expect(body).toMatchObject({
      status: 'degraded',
      service: 'service',
      details: {
        uid: { status: 'up' },
        cache: { status: 'up', driver: 'memory' },
        search: { status: 'degraded', reported: 'down' },
      },
    });
  });

  it('shows what became of pushed configuration: the revision in force and the refusal with every bad field', async () => {
    const started = await start({ cache: true });
    const reload = started.app.get(ReloadRegistry);
    await reload.offer('cache', 'default', { revision: 7n, value: { defaultTtlMs: '5m' } });
    await reload.offer('cache', 'default', { revision: 8n, value: { defaultTtlMs: -1, colour: 'red' } });
    const { body } = await page(started, '/health');
    expect(body['reload']).toMatchObject({
      refused: 1,
      components: [
        {
          component: 'cache',
          instance: 'default',
          revision: '7',
          rejected: {
            revision: '8',
            errors: [expect.stringContaining('colour'), expect.stringContaining('defaultTtlMs')],
          },
        },
      ],
    });
  });

  it('shows no details in production unless asked to', async () => {
    const silent = await start({
      env: 'production',
      cache: { driver: 'memory' },
      shutdown: { readinessDelayMs: 0 },
    });
    expect((await page(silent, '/health')).body['details']).toEqual({ cache: { status: 'up' } });
    await silent.app.close();
    const open = await start({
      env: 'production',
      cache: { driver: 'memory' },
      health: { details: 'always' },
      shutdown: { readinessDelayMs: 0 },
    });
    expect((await page(open, '/health')).body['details']).toMatchObject({ cache: { driver: 'memory' } });
  });
});
