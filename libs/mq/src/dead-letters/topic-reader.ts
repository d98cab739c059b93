import { randomUUID } from 'node:crypto';
import type { CallOptions } from '@infra-kit/kernel';
import type { MqDriver, PartitionBounds, StoredRecord } from '../drivers/mq-driver.js';
import type { MqConfig } from '../mq.config.js';
import type { CallRunner } from '../operations/call-runner.js';
import { joinRequest } from '../operations/join-request.js';

export interface ReaderParts {
  readonly driver: MqDriver;
  readonly runner: CallRunner;
  readonly settings: () => MqConfig;
}

export interface PlacedRecord {
  readonly partition: number;
  readonly record: StoredRecord;
}

/**
 * Everything that is in a topic now, by partition and offset. It reads as the only member of a group of its own, which
 * commits nothing and so leaves nothing behind.
 */
export async function readTopic(
  { driver, runner, settings }: ReaderParts,
  topic: string,
  options: CallOptions | undefined,
): Promise<PlacedRecord[]> {
  const limitMs = settings().consumer.joinTimeoutMs;
  return runner.run('read', { options, limitMs }, async (call) => {
    const bounds = await driver.admin.bounds(topic, call);
    const filled = bounds.filter(({ low, high }) => high > low);
    if (filled.length === 0) return [];
    const found: PlacedRecord[] = [];
    const missing = new Map(filled.map((bound) => [bound.partition, bound]));
    const complete = Promise.withResolvers<void>();
    const group = `infra-kit-reader-${randomUUID()}`;
    const request = joinRequest(settings().consumer, { group, topics: [topic] });
    const take = (bound: PartitionBounds, records: readonly StoredRecord[]): void => {
      const { partition, high } = bound;
      for (const record of records) if (record.offset < high) found.push({ partition, record });
      if ((records.at(-1)?.offset ?? -1n) + 1n >= high) missing.delete(partition);
      if (missing.size === 0) complete.resolve();
    };
    const consumer = await driver.join(
      request,
      {
        assigned: async () => filled.map(({ partition, low }) => ({ topic, partition, offset: low })),
        records: ({ partition, records }) => {
          const bound = missing.get(partition);
          if (bound !== undefined) take(bound, records);
        },
        revoked: async () => undefined,
        polled: () => undefined,
        ended: (error) => complete.reject(error as Error),
      },
      call,
    );
    const abort = (): void => complete.reject(call.signal.reason as Error);
    call.signal.addEventListener('abort', abort, { once: true });
    try {
      await complete.promise;
    } finally {
      call.signal.removeEventListener('abort', abort);
      await consumer.close();
    }
    return found.toSorted(
      (a, b) => a.partition - b.partition || (a.record.offset < b.record.offset ? -1 : 1),
    );
  });
}
