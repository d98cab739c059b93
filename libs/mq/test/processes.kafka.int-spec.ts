import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { sharedKafka, uniqueName } from '@infra-kit/testkit';

const start = join(import.meta.dirname, 'fixtures', 'start.mjs');

describe.each(['kafkajs', 'platformatic'])('a process with %s', (client) => {
  it('sends, receives and ends by itself', async () => {
    const topicPrefix = `${uniqueName('process')}.`;
    const config = { client, brokers: sharedKafka().brokers, topicPrefix };
    const { stdout } = await promisify(execFile)(process.execPath, [start, JSON.stringify(config)], {
      timeout: 60_000,
      env: { ...process.env, NODE_ENV: 'development' },
    });
    expect(JSON.parse(stdout)).toEqual({ value: 'hello' });
  }, 90_000);
});
