import { describe, expect, it } from '@jest/globals';
import { compressionsAlgorithms } from '@platformatic/kafka';
import fc from 'fast-check';
import { kafkajsCodec } from '../src/compression/kafkajs-codec.js';
import { loadCodec } from '../src/compression/load-codec.js';
import type { RecordCodecName } from '../src/compression/record-codec.js';

const NAMES: readonly RecordCodecName[] = ['snappy', 'lz4', 'zstd'];
const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');
const XERIAL = '82534e4150505900 00000001 00000001';

/** Written down from the formats: Snappy's and LZ4's block formats, LZ4's frame format, RFC 8878. */
const FRAMES: readonly (readonly [codec: RecordCodecName, what: string, text: string, frame: string])[] = [
  ['snappy', 'a literal, framed', 'abc', `${XERIAL} 00000005 03 08 616263`],
  ['snappy', 'copies, framed', 'a'.repeat(20), `${XERIAL} 00000007 14 00 61 1d01 1101`],
  ['snappy', 'a bare block', 'abc', '03 08 616263'],
  ['snappy', 'two blocks', 'abcabc', `${XERIAL} 00000005 0308616263 00000005 0308616263`],
  ['snappy', 'two streams', 'abcabc', `${XERIAL} 00000005 0308616263 ${XERIAL} 00000005 0308616263`],
  ['snappy', 'nothing', '', XERIAL],
  ['lz4', 'a stored block', 'abc', '04224d18 60 40 82 03000080 616263 00000000'],
  ['lz4', 'a match', 'a'.repeat(20), '04224d18 60 40 82 0a000000 1a 61 0100 50 6161616161 00000000'],
  ['zstd', 'a raw block', 'abc', '28b52ffd 20 03 190000 616263'],
  ['zstd', 'a run', 'a'.repeat(20), '28b52ffd 20 14 a30000 61'],
];

describe('compression of record batches', () => {
  it.each(FRAMES)('unpacks %s: %s', async (name, _what, text, frame) => {
    const codec = await loadCodec(name);
    expect((await codec.unpack(hex(frame))).toString()).toBe(text);
  });

  it.each(NAMES)('gives back what it has packed, of any length: %s', async (name) => {
    const codec = await loadCodec(name);
    const sizes = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc.constantFrom(32_767, 32_768, 32_769, 200_000),
    );
    await fc.assert(
      fc.asyncProperty(sizes, async (drawn) => {
        const bytes = typeof drawn === 'number' ? Buffer.alloc(drawn, 'some records ') : Buffer.from(drawn);
        expect((await codec.unpack(await codec.pack(bytes))).equals(bytes)).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  it.each(NAMES)('is understood by the other client, and understands it: %s', async (name) => {
    const codec = await loadCodec(name);
    const theirs = compressionsAlgorithms[name];
    const records = Buffer.from('order 4711 of customer 42; '.repeat(5000));
    expect(theirs.decompressSync(await codec.pack(records)).equals(records)).toBe(true);
    expect((await codec.unpack(theirs.compressSync(records))).equals(records)).toBe(true);
  });

  it('frames Snappy in blocks of 32 KiB, each behind its length', async () => {
    const packed = await (await loadCodec('snappy')).pack(Buffer.alloc(70_000, 'x'));
    expect(packed.subarray(0, 16)).toEqual(hex(XERIAL));
    const lengths: number[] = [];
    for (let at = 16; at < packed.length; at += 4 + packed.readUInt32BE(at)) {
      const block = packed.subarray(at + 4, at + 4 + packed.readUInt32BE(at));
      lengths.push(compressionsAlgorithms.snappy.decompressSync(block).length);
    }
    expect(lengths).toEqual([32_768, 32_768, 70_000 - 65_536]);
  });

  it.each([
    ['a length cut short', `${XERIAL} 0000`],
    ['a block cut short', `${XERIAL} 00000005 0308`],
    ['a block that is none', `${XERIAL} 00000002 ffff`],
  ])('refuses Snappy with %s', async (_what, frame) => {
    await expect((await loadCodec('snappy')).unpack(hex(frame))).rejects.toThrow();
  });

  it.each(['lz4', 'zstd'] as const)('refuses what is no frame: %s', async (name) => {
    await expect((await loadCodec(name)).unpack(Buffer.from('no frame at all'))).rejects.toThrow();
  });

  it('is what kafkajs asks of a codec', async () => {
    const codec = kafkajsCodec('snappy')();
    const packed = await codec.compress({ buffer: Buffer.from('abc') });
    expect((await codec.decompress(packed)).toString()).toBe('abc');
  });
});
