import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { createMq } from '@infra-kit/mq';
import { sharedKafka, uniqueName } from '@infra-kit/testkit';

const fixture = join(import.meta.dirname, 'fixtures', 'native-node.mjs');

describe('the built package, run by Node itself', () => {
  it('sends by both clients, packed in every way, and ends by itself', async () => {
    const topic = uniqueName('native');
    const [broker = ''] = sharedKafka().brokers;
    const mq = await createMq(
      { driver: 'kafka', client: 'platformatic', brokers: [broker] },
      { env: 'test' },
    );
    await mq.admin.createTopic(topic, { partitions: 1 });
    await mq.close();
    const { stdout } = await promisify(execFile)(process.execPath, [fixture, broker, topic], {
      timeout: 60_000,
    });
    const codecs = ['none', 'gzip', 'snappy', 'lz4', 'zstd'];
    const sent = ['kafkajs', 'platformatic'].flatMap((client) => codecs.map((codec) => `${client} ${codec}`));
    expect(stdout.trim().split('\n')).toEqual(sent.map((line, offset) => `${line} ${offset}`));
  }, 90_000);
});
