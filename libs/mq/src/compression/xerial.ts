/**
 * The framing in which Java's snappy-java writes blocks of Snappy, and which Kafka took over: a magic of eight bytes, its
 * version and the oldest compatible one, then blocks, each behind its length. All numbers are big-endian, 32 bits.
 */
const MAGIC = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00]);
const HEADER = Buffer.concat([MAGIC, Buffer.from([0, 0, 0, 1, 0, 0, 0, 1])]);
const LENGTH = 4;

/** What snappy-java puts into one block. */
export const BLOCK_BYTES = 32 * 1024;

const isHeaderAt = (bytes: Buffer, at: number): boolean =>
  bytes.subarray(at, at + MAGIC.length).equals(MAGIC);

export function framed(blocks: readonly Buffer[]): Buffer {
  const parts = blocks.flatMap((block) => {
    const length = Buffer.alloc(LENGTH);
    length.writeUInt32BE(block.length);
    return [length, block];
  });
  return Buffer.concat([HEADER, ...parts]);
}

/** The blocks; of bytes without the framing, as some clients write them, the one block they are. */
export function blocksOf(bytes: Buffer): Buffer[] {
  if (!isHeaderAt(bytes, 0)) return [bytes];
  const blocks: Buffer[] = [];
  for (let at = 0; at < bytes.length;) {
    // a header may come again: streams that were put behind each other
    if (isHeaderAt(bytes, at)) {
      at += HEADER.length;
      continue;
    }
    if (at + LENGTH > bytes.length) throw new Error('snappy: the bytes end within the length of a block');
    const end = at + LENGTH + bytes.readUInt32BE(at);
    if (end > bytes.length) throw new Error('snappy: the bytes end within a block');
    blocks.push(bytes.subarray(at + LENGTH, end));
    at = end;
  }
  return blocks;
}
