import { loadCodec } from './load-codec.js';
import type { RecordCodecName } from './record-codec.js';

/** What kafkajs asks of a codec; `buffer` is its encoder's. */
export interface KafkajsCodec {
  compress(encoder: { readonly buffer: Buffer }): Promise<Buffer>;
  decompress(buffer: Buffer): Promise<Buffer>;
}

/** A codec as `CompressionCodecs` of kafkajs takes it; its package is loaded with the first batch that needs it. */
export const kafkajsCodec = (name: RecordCodecName) => (): KafkajsCodec => ({
  async compress({ buffer }) {
    return (await loadCodec(name)).pack(buffer);
  },
  async decompress(buffer) {
    return (await loadCodec(name)).unpack(buffer);
  },
});
