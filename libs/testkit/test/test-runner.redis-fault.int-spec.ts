import { describe, expect, it } from '@jest/globals';
import { join } from 'node:path';
import { launchRedis } from '@infra-kit/testkit';
import { redisRecipe } from '../src/servers/redis.js';
import { lastLine, npmTest, ROOT } from './npm-test.js';

const NOTHING_LISTENS = 'redis://127.0.0.1:1';
const CLUSTER_SUITES = ['--listTests', 'libs/testkit/test/redis-cluster'];
const OWN_SUITES = ['--listTests', 'libs/testkit/test/redis.redis'];

describe('npm test', () => {
  it('refuses to require a server nobody knows, and names those that are', async () => {
    const run = await npmTest(['--listTests'], { INFRA_TEST_REQUIRE: 'redis,mongo' });
    expect(run.err).toContain(
      "no server is called 'mongo'; known are redis, etcd, postgres, kafka, elasticsearch",
    );
    expect([run.code, lastLine(run)]).toEqual([1, '0 passed, 1 failed']);
  });

  it('fails when a required server cannot be had', async () => {
    const env = { INFRA_TEST_REQUIRE: 'redis', INFRA_TEST_REDIS_URL: NOTHING_LISTENS };
    const run = await npmTest(['--select', 'unit'], env);
    expect(run.err).toContain('redis answers at the address in INFRA_TEST_REDIS_URL');
    expect([run.code, lastLine(run)]).toEqual([1, '0 passed, 1 failed']);
  });

  it('takes a Redis Cluster that a suite wants for a Redis that is required', async () => {
    const server = await launchRedis();
    const env = {
      INFRA_TEST_REQUIRE: 'redis',
      INFRA_TEST_REDIS_URL: server.url,
      INFRA_TEST_REDIS_CLUSTER_NODES: NOTHING_LISTENS,
    };
    const without = await npmTest(OWN_SUITES, env);
    const run = await npmTest(CLUSTER_SUITES, env);
    await server.stop();
    expect(without.code).toBe(0);
    expect(run.err).toContain('redis-cluster: not within 3000 ms');
    expect([run.code, lastLine(run)]).toEqual([1, '0 passed, 1 failed']);
  });

  it('fails when a required server that no suite wants is not installed', async () => {
    const env = {
      INFRA_TEST_REQUIRE: 'kafka',
      INFRA_TESTBED_HOME: '/nowhere',
      DOCKER_HOST: 'unix:///nowhere/docker.sock',
    };
    const run = await npmTest(['--select', 'unit'], env);
    expect(run.err).toContain(
      "kafka: no Docker engine answers and there is no Kafka in the testbed's folder",
    );
    expect(run.out).toMatch(/kafka +LEFT OUT/);
    expect([run.code, lastLine(run)]).toEqual([1, '0 passed, 1 failed']);
  });

  it('leaves the suites out whose server cannot be had, and says which', async () => {
    const run = await npmTest(OWN_SUITES, { INFRA_TEST_REDIS_URL: NOTHING_LISTENS });
    expect(run.out).toContain('!! LEFT OUT  libs/testkit/test/redis.redis.int-spec.ts');
    expect(run.out).not.toContain(join(ROOT, 'libs/testkit/test/redis.redis.int-spec.ts'));
    expect(run.code).toBe(0);
  });

  it('hides the password of an address', async () => {
    const server = await launchRedis();
    const run = await npmTest(OWN_SUITES, { INFRA_TEST_REDIS_URL: server.url.replace('//', '//:secret@') });
    await server.stop();
    expect(run.out).toMatch(/redis +address +redis:/);
    expect(run.out).toContain(`redis://***@${server.host}:${server.port}`);
    expect(run.out + run.err).not.toContain('secret');
  });

  it('starts no server that only other suites than the given ones want', async () => {
    const run = await npmTest(OWN_SUITES);
    expect(run.out).toMatch(/elasticsearch +- +no suite of this run wants it/);
  });

  it('gives a Redis to the suites that want one, and has stopped it at the end', async () => {
    const run = await npmTest(OWN_SUITES);
    const url = /redis +(?:native|container) +(redis:\S+)/.exec(run.out)?.[1] ?? 'none';
    expect(run.out).toContain(join(ROOT, 'libs/testkit/test/redis.redis.int-spec.ts'));
    expect(url).toMatch(/^redis:/);
    expect(await redisRecipe.isReady(url)).toBe(false);
  });

  it('starts no server for suites that want none', async () => {
    const run = await npmTest(['--listTests', '--select', 'unit']);
    expect(run.out).toMatch(/redis +- +no suite of this run wants it/);
    expect(run.out).toContain('until.spec.ts');
    expect(run.out).not.toContain('int-spec.ts');
  });

  it('refuses a project that is not there', async () => {
    const run = await npmTest(['--select', 'slow']);
    expect(run.err).toContain("there is no project 'slow'; there are unit, integration, e2e");
    expect(run.code).toBe(1);
  });
});
