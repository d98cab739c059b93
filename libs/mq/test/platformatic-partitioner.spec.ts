import { describe, expect, it } from '@jest/globals';
import { murmur2 as platformaticMurmur2 } from '@platformatic/kafka';
import fc from 'fast-check';
import kafkajs from 'kafkajs';
import { partitionOfKey } from '../src/producing/partitioner.js';

const kafkajsPartition = kafkajs.Partitioners.DefaultPartitioner();

describe('the partition of a key', () => {
  it('is the one that kafkajs and @platformatic/kafka would choose, whatever the bytes', () => {
    const keys = fc.uint8Array({ minLength: 1, maxLength: 64 });
    fc.assert(
      fc.property(keys, fc.integer({ min: 1, max: 200 }), (bytes, partitions) => {
        const key = Buffer.from(bytes);
        const partitionMetadata = Array.from({ length: partitions }, (_, partitionId) => ({
          partitionId,
          partitionErrorCode: 0,
          leader: 1,
          replicas: [1],
          isr: [1],
        }));
        const ours = partitionOfKey(key, partitions);
        expect(ours).toBe(kafkajsPartition({ topic: 't', partitionMetadata, message: { key, value: null } }));
        expect(ours).toBe((platformaticMurmur2(key) & 0x7fffffff) % partitions);
      }),
    );
  });
});
