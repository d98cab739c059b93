import { describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

const CLIENTS = [
  'ioredis',
  'etcd3',
  '@grpc/grpc-js',
  'pino',
  'nestjs-pino',
  'pino-http',
  'pino-pretty',
  '@msgpack/msgpack',
  '@grpc/grpc-js',
  '@mikro-orm/core',
  '@mikro-orm/sql',
  '@mikro-orm/postgresql',
  '@mikro-orm/pglite',
  '@mikro-orm/migrations',
  'kafkajs',
  '@platformatic/kafka',
  'kysely',
  'pg',
  '@elastic/elasticsearch',
  '@nestjs/elasticsearch',
  '@opentelemetry/sdk-node',
  '@opentelemetry/sdk-trace',
  '@opentelemetry/sdk-metrics',
  '@opentelemetry/exporter-prometheus',
  '@opentelemetry/exporter-trace-otlp-proto',
  '@nestjs/terminus',
  '@nestjs/microservices',
  '@nestjs/graphql',
  '@nestjs/platform-express',
  '@nestjs/platform-fastify',
];

function loadedBy(program: string | object): string[] {
  const text = typeof program === 'string' ? program : JSON.stringify(program);
  const fixture = join(import.meta.dirname, 'fixtures/list-modules.mjs');
  const {
    NODE_OPTIONS: _unset,
    REDIS_URL: _none,
    ETCD_ENDPOINTS: _neither,
    DATABASE_URL: _nor,
    KAFKA_BROKERS: _nobody,
    ELASTICSEARCH_URL: _nowhere,
    ...env
  } = process.env;
  const output = execFileSync(process.execPath, [fixture, CLIENTS.join(), text], { encoding: 'utf8', env });
  return JSON.parse(output.trim().split('\n').at(-1) ?? '[]') as string[];
}

describe('client libraries', () => {
  it('are not loaded by importing the suite', () => {
    expect(loadedBy('import')).toEqual([]);
  });

  it('are not loaded for components that run embedded', () => {
    expect(
      loadedBy({
        env: 'test',
        health: false,
        uid: true,
        coord: true,
        cache: true,
        ratelimit: true,
        breaker: true,
        es: true,
        mq: true,
      }),
    ).toEqual([]);
  });

  it('are loaded where a component needs them (so that the tests above can fail)', () => {
    expect(loadedBy({ env: 'test', clog: { output: 'stderr', level: 'silent' } })).toEqual(
      expect.arrayContaining(['@nestjs/terminus', 'pino']),
    );
    expect(loadedBy({ env: 'test', health: false, es: { node: 'http://127.0.0.1:1' } })).toEqual(
      expect.arrayContaining(['@elastic/elasticsearch', '@nestjs/elasticsearch']),
    );
    expect(loadedBy({ env: 'test', health: false, metrics: true })).toContain('@opentelemetry/sdk-node');
    const byDb = loadedBy({ env: 'test', health: false, db: true });
    expect(byDb).toEqual(expect.arrayContaining(['@mikro-orm/core', '@mikro-orm/postgresql', 'pg']));
    expect(byDb).not.toContain('@mikro-orm/pglite');
  });
});
