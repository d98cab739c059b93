import { isInfraError, withDeadline, type CallOptions } from '@infra-kit/kernel';
import type { BulkWriter } from '../es.provider.js';
import type { BulkOptions, BulkReport, WriterOptions } from '../es.types.js';
import type { BatchTarget } from './bulk-batch.js';
import { DefaultBulkWriter, type WriterParts } from './default-bulk-writer.js';
import type { EsEngine } from './es-engine.js';

/** Longest the writers may take to send what they have when the provider is closed. */
const FLUSH_LIMIT_MS = 15_000;

type Closable = Pick<DefaultBulkWriter<object>, 'close' | 'abort'>;

/** Many documents: writers, and `bulkIndex` over one. */
export class BulkCalls {
  readonly #engine: EsEngine;
  readonly #writers = new Set<Closable>();

  constructor(engine: EsEngine) {
    this.#engine = engine;
    engine.stack.push({
      name: `${engine.place.label} writers`,
      phase: 'flush',
      timeoutMs: FLUSH_LIMIT_MS,
      close: (signal) => this.#closeAll(signal),
    });
  }

  writer<T extends object>(index: string, options: WriterOptions<T> = {}): BulkWriter<T> {
    this.#engine.runner.checkOpen();
    return this.#open({ index: this.#engine.names.full(index), requireAlias: false }, options);
  }

  async bulkIndex<T extends object>(
    index: string,
    docs: Iterable<T> | AsyncIterable<T>,
    options: BulkOptions<T> = {},
  ): Promise<BulkReport<T>> {
    this.#engine.runner.checkOpen();
    const target = { index: this.#engine.names.full(index), requireAlias: false };
    return this.write(target, docs, options, options);
  }

  /** Everything of `docs` into one writer. */
  async write<T extends object>(
    target: BatchTarget,
    docs: Iterable<T> | AsyncIterable<T>,
    options: WriterOptions<T> & Pick<WriterParts<T>, 'routing'>,
    limits: CallOptions,
  ): Promise<BulkReport<T>> {
    const writer = this.#open(target, options);
    try {
      return await withDeadline(limits, Infinity, `${this.#engine.place.label}.bulkIndex`, (signal) =>
        fill(writer, docs, signal),
      );
    } catch (error) {
      if (limits.signal?.aborted || isLate(error)) await writer.abort();
      else await writer.close();
      throw error;
    }
  }

  #open<T extends object>(
    target: BatchTarget,
    options: WriterOptions<T> & Pick<WriterParts<T>, 'routing'>,
  ): DefaultBulkWriter<T> {
    const writer: DefaultBulkWriter<T> = new DefaultBulkWriter<T>(this.#engine, {
      ...options,
      target,
      onClosed: () => void this.#writers.delete(writer),
    });
    this.#writers.add(writer);
    return writer;
  }

  async #closeAll(signal: AbortSignal): Promise<void> {
    const writers = [...this.#writers];
    const abort = (): void => void Promise.all(writers.map((writer) => writer.abort()));
    signal.addEventListener('abort', abort, { once: true });
    await Promise.all(writers.map((writer) => writer.close()));
  }
}

const isLate = (error: unknown): boolean =>
  ['CANCELLED', 'DEADLINE_EXCEEDED'].includes(String(Reflect.get(Object(error) as object, 'code')));

async function fill<T extends object>(
  writer: DefaultBulkWriter<T>,
  docs: Iterable<T> | AsyncIterable<T>,
  signal: AbortSignal,
): Promise<BulkReport<T>> {
  for await (const doc of docs) {
    if (signal.aborted) break;
    try {
      await writer.add(doc);
    } catch (error) {
      if (!isInfraError(error) || error.code !== 'INVALID_ARGUMENT') throw error;
      writer.refuse(doc, error.message);
    }
  }
  return await writer.close();
}
