/** How the records of a batch are packed, as Kafka writes them. */
export interface RecordCodec {
  pack(records: Buffer): Promise<Buffer>;
  /** Rejects when the bytes are not what `pack` of any client makes. */
  unpack(packed: Buffer): Promise<Buffer>;
}

/** The codecs that come on top of gzip, which every client has. */
export type RecordCodecName = 'snappy' | 'lz4' | 'zstd';
