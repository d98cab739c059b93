import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { CacheConfig, createCache, defaultCacheConfig, type CacheOptions } from '@infra-kit/cache';
import { isConfigError } from '@infra-kit/kernel';
import { parseCacheConfig } from '../src/parse-cache-config.js';

const parse = (options: unknown, env = 'development'): CacheConfig =>
  parseCacheConfig(options, { env, instance: 'default' });

function problemsOf(options: unknown, env?: string): readonly string[] {
  try {
    parse(options, env);
  } catch (error) {
    if (isConfigError(error)) return error.problems;
    throw error;
  }
  throw new Error('expected a refusal');
}

const before = process.env['REDIS_URL'];
beforeEach(() => {
  delete process.env['REDIS_URL'];
});
afterEach(() => {
  if (before === undefined) delete process.env['REDIS_URL'];
  else process.env['REDIS_URL'] = before;
});

describe('the configuration of a cache', () => {
  it('has the defaults of the contract', () => {
    expect(parse({})).toMatchObject({
      driver: 'memory',
      keyPrefix: '',
      poolSize: 1,
      connectTimeoutMs: 5000,
      commandTimeoutMs: 1000,
      maxRetries: 1,
      codec: 'json',
      maxEntries: 100_000,
    });
    expect(parse({}).defaultTtlMs).toBeUndefined();
  });

  it('is memory in development and test, Redis in production and in any environment of another name', () => {
    expect(
      ['development', 'test', 'production', 'staging'].map((env) => defaultCacheConfig(env).driver),
    ).toEqual(['memory', 'memory', 'redis', 'redis']);
    expect(defaultCacheConfig('test')).toBeInstanceOf(CacheConfig);
  });

  it('reads durations as text', () => {
    expect(parse({ commandTimeoutMs: '2s', defaultTtlMs: '5m' })).toMatchObject({
      commandTimeoutMs: 2000,
      defaultTtlMs: 300_000,
    });
  });

  it('takes the address of the environment where the code passes none, and Redis with it', () => {
    process.env['REDIS_URL'] = 'redis://from-env:6380/2';
    expect(parse({})).toMatchObject({ driver: 'redis', url: 'redis://from-env:6380/2' });
    expect(parse({ driver: undefined, url: undefined })).toMatchObject({ driver: 'redis' });
    expect(parse({ url: 'redis://from-code' })).toMatchObject({ driver: 'redis', url: 'redis://from-code' });
    expect(parse({ driver: 'memory' })).toMatchObject({ driver: 'memory' });
    expect(parse({ driver: 'memory' }).url).toBeUndefined();
  });

  it('takes Redis where the code passes an address and no driver', () => {
    expect(parse({ url: 'rediss://:secret@host:1/3' }).driver).toBe('redis');
    expect(parse({ sentinels: [{ host: 'a', port: 26_379 }], sentinelName: 'main' }).driver).toBe('redis');
  });

  it('names every bad field at once, unknown ones included', () => {
    const problems = problemsOf({
      nearby: { maxEntries: 1 },
      poolSize: 0,
      maxRetries: -1,
      codec: 'xml',
      commandTimeoutMs: 'soon',
      maxEntries: 1.5,
      tls: { ca: 1, extra: true },
      url: 'http://host',
    });
    for (const field of [
      'nearby',
      'poolSize',
      'maxRetries',
      'codec',
      'commandTimeoutMs',
      'maxEntries',
      'tls.ca',
      'tls.extra',
      'url',
    ])
      expect(problems.filter((problem) => problem.startsWith(`${field}: `))).not.toHaveLength(0);
  });

  it.each([
    'not a url',
    'http://u:hunter2@host',
    'redis//:hunter2@host',
    'redis://:hunter2@host:port',
    'redis://:hunter2@host/db',
    'redis://:hunter2@host/1?x=hunter2',
    'redis://',
    'redis://:hunter2%@host',
  ])('refuses the address %s in one sentence that shows none of it', (url) => {
    const passed = problemsOf({ url });
    expect(passed).toHaveLength(1);
    expect(passed[0]).toMatch(/^url: must be redis:\/\//);
    process.env['REDIS_URL'] = url;
    const fromEnv = problemsOf({});
    expect(fromEnv).toHaveLength(1);
    expect(fromEnv[0]).toMatch(/^REDIS_URL: must be redis:\/\//);
    expect([...passed, ...fromEnv].join()).not.toContain('hunter2');
  });

  it('refuses production, and any driver redis, without an address: nothing falls back to memory', async () => {
    for (const [options, env] of [
      [{}, 'production'],
      [{}, 'staging'],
      [{ driver: 'redis' }, 'development'],
    ] as [CacheOptions, string][]) {
      expect(problemsOf(options, env)).toEqual([expect.stringContaining('set REDIS_URL')]);
      await expect(createCache(options, { env })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    }
    expect(parse({ driver: 'memory' }, 'production').driver).toBe('memory');
  });

  it('wants sentinels and the name of their master together, and not beside a url', () => {
    const sentinels = [{ host: 'a', port: 1 }];
    expect(problemsOf({ sentinels })).toEqual([expect.stringContaining('sentinelName: ')]);
    expect(problemsOf({ driver: 'memory', sentinelName: 'main' })).toEqual([
      expect.stringContaining('sentinelName: '),
    ]);
    expect(problemsOf({ sentinels: [], sentinelName: 'main' })).toEqual([
      expect.stringContaining('sentinels: '),
    ]);
    expect(problemsOf({ sentinels, sentinelName: 'main', url: 'redis://host' })).toEqual([
      expect.stringContaining('sentinels: '),
    ]);
    expect(problemsOf({ sentinels: [{ host: 'a', port: 0 }], sentinelName: 'main' })).toEqual([
      expect.stringContaining('sentinels[0].port: '),
    ]);
  });

  it('takes nodes of a cluster in place of a url, and Redis with them', () => {
    process.env['REDIS_URL'] = 'redis://from-env';
    const clusterNodes = [{ host: 'a', port: 7000 }, { host: 'b' }, 'c:7001', 'rediss://user:pass@d'];
    expect(parse({ clusterNodes })).toMatchObject({ driver: 'redis', clusterNodes });
    expect(parse({ clusterNodes }).url).toBeUndefined();
  });

  it.each<[object, string]>([
    [{ clusterNodes: [] }, 'clusterNodes: name at least one'],
    [{ clusterNodes: 'a:1' }, 'clusterNodes: '],
    [{ clusterNodes: ['a'], url: 'redis://host' }, 'clusterNodes: they take the place of url'],
    [
      { clusterNodes: ['a'], sentinels: [{ host: 'a', port: 1 }], sentinelName: 'main' },
      'clusterNodes: they take the place of url',
    ],
    [{ clusterNodes: ['a'], db: 1 }, 'db: a cluster has no database but 0'],
    [{ clusterNodes: ['a', 'redis://:hunter2@b/1'] }, 'clusterNodes[1]: a cluster has no database but 0'],
    [{ clusterNodes: ['http://:hunter2@a'] }, 'clusterNodes[0]: must be host:port, or redis://'],
    [{ clusterNodes: [{ host: '' }] }, 'clusterNodes[0]: host must be a text'],
    [{ clusterNodes: [{ host: 'a', port: 0 }] }, 'clusterNodes[0]: port must be a whole number'],
    [{ clusterNodes: [{ host: 'a', name: 'b' }] }, 'clusterNodes[0]: name is not known'],
    [{ clusterNodes: [7] }, 'clusterNodes[0]: must be { host, port }'],
  ])('refuses %j, naming what is wrong', (options, problem) => {
    const problems = problemsOf(options);
    expect(problems).toEqual([expect.stringContaining(problem)]);
    expect(problems.join()).not.toContain('hunter2');
  });

  it('takes a ready driver object, and refuses an object that is none', async () => {
    expect(problemsOf({ driver: { get: 1 } })).toEqual([expect.stringContaining('driver: ')]);
    expect(problemsOf({ driver: 'disk' })).toEqual([expect.stringContaining('driver: ')]);
    await expect(createCache({ driver: {} as never })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });

  it('refuses what is no object', async () => {
    for (const options of [null, 'redis://host', []] as never[])
      await expect(createCache(options)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });
});
