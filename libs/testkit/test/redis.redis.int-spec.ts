import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { sharedRedis, uniquePrefix } from '@infra-kit/testkit';

describe('the shared Redis of a run', () => {
  let redis: Redis;
  beforeAll(() => {
    redis = new Redis(sharedRedis().url);
  });
  afterAll(() => redis.quit());

  it('answers a real client, and two prefixes never meet', async () => {
    const [mine, yours] = [uniquePrefix('a'), uniquePrefix('a')];
    await redis.set(`${mine}key`, '1', 'EX', 60);
    expect(await redis.get(`${mine}key`)).toBe('1');
    expect(await redis.get(`${yours}key`)).toBeNull();
  });
});
