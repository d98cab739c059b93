import { afterEach, describe, expect, it } from '@jest/globals';
import { defaultCoordConfig, MemoryCoordDriver, parseCoordConfig } from '@infra-kit/coord';

const place = { env: 'production', instance: 'default' };
const problems = (options: unknown): readonly string[] => {
  try {
    parseCoordConfig(options, place);
  } catch (error) {
    return Reflect.get(Object(error), 'problems') as string[];
  }
  return [];
};

describe('the configuration of coord', () => {
  afterEach(() => {
    delete process.env['ETCD_ENDPOINTS'];
  });

  it('has the defaults of the contract', () => {
    expect(Object.fromEntries(Object.entries(defaultCoordConfig('production')))).toEqual({
      driver: 'etcd',
      endpoints: undefined,
      dialTimeoutMs: 5000,
      requestTimeoutMs: 3000,
      username: undefined,
      password: undefined,
      tls: undefined,
      prefix: '/infra',
      lockTtlMs: 10_000,
      resyncIntervalMs: 60_000,
      snapshotDir: undefined,
      keepAlive: true,
    });
    expect(defaultCoordConfig('development').driver).toBe('memory');
    expect(defaultCoordConfig('test').driver).toBe('memory');
    expect(defaultCoordConfig('staging').driver).toBe('etcd');
  });

  it('takes etcd where there is an address, passed or from the environment', () => {
    const development = { ...place, env: 'development' };
    expect(parseCoordConfig({}, development).driver).toBe('memory');
    expect(parseCoordConfig({ endpoints: ['a:1'] }, development)).toMatchObject({ driver: 'etcd' });
    process.env['ETCD_ENDPOINTS'] = 'a:2379, http://b:2379,';
    expect(parseCoordConfig({}, development)).toMatchObject({
      driver: 'etcd',
      endpoints: ['a:2379', 'http://b:2379'],
    });
    expect(parseCoordConfig({ driver: 'memory' }, development).driver).toBe('memory');
  });

  it('takes durations as texts, one endpoint as a text, and a ready driver as it is', () => {
    const driver = new MemoryCoordDriver();
    expect(parseCoordConfig({ driver, lockTtlMs: '30s' }, place)).toMatchObject({ lockTtlMs: 30_000 });
    expect(parseCoordConfig({ driver }, place).driver).toBe(driver);
    expect(parseCoordConfig({ endpoints: 'a:1' }, place).endpoints).toEqual(['a:1']);
    expect(parseCoordConfig({ endpoints: 'a:1', keepAlive: { timeMs: '20s' } }, place).keepAlive).toEqual({
      timeMs: 20_000,
      timeoutMs: 3000,
    });
  });

  it('refuses to start in production without an address', () => {
    expect(problems({}).join()).toContain('ETCD_ENDPOINTS');
  });

  it('names every bad field at once, and quotes no secret', () => {
    const found = problems({
      endpoints: ['http://user:hunter2@a:1', 'https://b', 'ftp://c:1', 'd:1/path'],
      lockTtlMs: 999,
      prefix: '/a//b',
      username: 'user',
      tls: { cert: 'hunter2' },
      colour: 'red',
    });
    expect(found.join('\n')).not.toContain('hunter2');
    for (const field of [
      'endpoints[0]',
      'endpoints[1]',
      'endpoints[2]',
      'endpoints[3]',
      'lockTtlMs',
      'prefix',
      'password',
      'tls.key',
      'colour',
    ])
      expect(found.join('\n')).toContain(field);
  });

  it('refuses http and https together', () => {
    expect(problems({ endpoints: ['http://a:1', 'https://b:1'] }).join()).toContain('must not be mixed');
  });

  it.each([
    ['', true],
    ['/', false],
    ['infra', true],
    ['/a/b', true],
    ['/a/', false],
  ])('prefix %j is good: %j', (prefix, good) => {
    expect(problems({ driver: 'memory', prefix }).length === 0).toBe(good);
  });
});
