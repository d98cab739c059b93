const M = 0x5bd1e995;

/** MurmurHash2 by A. Appleby (public domain), seeded as Kafka's own clients do it: a signed 32-bit number. */
export function murmur2(data: Buffer): number {
  const { length } = data;
  let hash = 0x9747b28c ^ length;
  const whole = length & ~3;
  for (let at = 0; at < whole; at += 4) {
    let word = Math.imul(data.readInt32LE(at), M);
    word ^= word >>> 24;
    hash = Math.imul(hash, M) ^ Math.imul(word, M);
  }
  if (whole < length) {
    for (let at = length - 1; at >= whole; at--) hash ^= (data[at] ?? 0) << (8 * (at - whole));
    hash = Math.imul(hash, M);
  }
  hash = Math.imul(hash ^ (hash >>> 13), M);
  return hash ^ (hash >>> 15);
}

/** The partition of a key, as the Java client, kafkajs and @platformatic/kafka choose it. */
export function partitionOfKey(key: Buffer, partitions: number): number {
  return (murmur2(key) & 0x7fffffff) % partitions;
}
