import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createEs, defaultEsConfig, parseEsConfig, type EsOptions } from '@infra-kit/es';

const before = process.env['ELASTICSEARCH_URL'];
beforeEach(() => {
  delete process.env['ELASTICSEARCH_URL'];
});
afterEach(() => {
  if (before === undefined) delete process.env['ELASTICSEARCH_URL'];
  else process.env['ELASTICSEARCH_URL'] = before;
});

const parse = (options: unknown, env = 'test') => parseEsConfig(options, { env, instance: 'default' });

describe('the configuration of es', () => {
  it('has the defaults that are promised', () => {
    expect(parse({})).toMatchObject({
      driver: 'memory',
      indexPrefix: '',
      requestTimeoutMs: 10_000,
      maxRetries: 3,
      bulk: { flushBytes: 5 * 1024 * 1024, flushIntervalMs: 1000, concurrency: 4, retries: 5 },
      compression: false,
    });
    expect(
      ['development', 'test', 'production', 'staging'].map((env) => defaultEsConfig(env).driver),
    ).toEqual(['memory', 'memory', 'elasticsearch', 'elasticsearch']);
  });

  it('takes what is passed, then ELASTICSEARCH_URL, then the default; an address selects the server', () => {
    process.env['ELASTICSEARCH_URL'] = 'http://env:9200, http://two:9200';
    expect(parse({})).toMatchObject({
      driver: 'elasticsearch',
      nodes: ['http://env:9200', 'http://two:9200'],
    });
    expect(parse({ node: 'http://code:9200' })).toMatchObject({ nodes: ['http://code:9200'] });
    expect(parse({ nodes: ['http://code:9200'] })).toMatchObject({ driver: 'elasticsearch' });
    expect(parse({ driver: 'memory' })).toMatchObject({ driver: 'memory', nodes: undefined });
  });

  it('reads durations as text', () => {
    expect(parse({ requestTimeoutMs: '3s', bulk: { flushIntervalMs: '5s' } })).toMatchObject({
      requestTimeoutMs: 3000,
      bulk: { flushIntervalMs: 5000 },
    });
  });

  it('names every bad field in one error, and no secret', () => {
    const bad = {
      driver: 'elasticsearch',
      nodes: ['ftp://user:geheim@host'],
      node: 'http://other:9200',
      auth: { username: 'u', apiKey: 'geheim' },
      tls: { cert: 'geheim' },
      indexPrefix: 'Upper',
      requestTimeoutMs: 0,
      bulk: { concurrency: 0 },
      unheardof: 1,
    };
    let message = '';
    try {
      parse(bad);
    } catch (error) {
      message = String(error);
    }
    for (const field of [
      'nodes[0]',
      'node:',
      'auth.password',
      'auth.apiKey',
      'tls.key',
      'indexPrefix',
      'requestTimeoutMs',
      'bulk.concurrency',
      'unheardof',
    ])
      expect(message).toContain(field);
    expect(message).not.toContain('geheim');
  });

  it('fails without an address in production', async () => {
    await expect(createEs({}, { env: 'production' })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining('ELASTICSEARCH_URL'),
    });
    const options: EsOptions = { node: process.env['NOT_SET'] };
    expect((await (await createEs(options, { env: 'test' })).health()).detail).toMatchObject({
      driver: 'memory',
    });
  });
});
