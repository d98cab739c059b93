import { InfraContext, type Timer } from '@infra-kit/kernel';
import type { EsBulkConfig } from '../es.config.js';
import { esError, invalidArgument, shown } from '../es.errors.js';
import type { BulkWriter } from '../es.provider.js';
import { documentsCounter, retriesCounter } from '../es.telemetry.js';
import type { BulkFailure, BulkReport, WriterOptions } from '../es.types.js';
import { BulkBatch, type BatchTarget, type Queued } from './bulk-batch.js';
import type { EsEngine } from './es-engine.js';
import { newId } from './new-id.js';

export interface WriterParts<T> extends WriterOptions<T> {
  readonly target: BatchTarget;
  readonly routing?: ((doc: T) => string | undefined) | undefined;
  /** Called when the writer has been closed. */
  readonly onClosed: () => void;
}

/** What an operation line adds to a document. */
const LINE_BYTES = 50;

/** Collects documents into batches, a few under way at once, and accounts for each. */
export class DefaultBulkWriter<T extends object> implements BulkWriter<T> {
  readonly #engine: EsEngine;
  readonly #parts: WriterParts<T>;
  readonly #settings: EsBulkConfig;
  readonly #stop = new AbortController();
  readonly #failed: BulkFailure<T>[] = [];
  readonly #under = new Set<Promise<void>>();
  /** Ids of callers that are on their way: the same one waits, so that the later document wins. */
  readonly #ids = new Set<string>();
  readonly #started = performance.now();
  #buffer: Queued<T>[] = [];
  /** Batches that wait for a place. */
  readonly #ready: Queued<T>[][] = [];
  #bufferBytes = 0;
  #queuedBytes = 0;
  /** Documents that were added and wait for one with their id. */
  #waiting = 0;
  /** How many wait for everything to end. */
  #draining = 0;
  #indexed = 0;
  #retried = 0;
  #bytes = 0;
  #timer: Timer | undefined;
  #closing: Promise<BulkReport<T>> | undefined;
  /** Who waits for something to end. */
  #ended = Promise.withResolvers<void>();

  constructor(engine: EsEngine, parts: WriterParts<T>) {
    this.#engine = engine;
    this.#parts = parts;
    this.#settings = engine.settings().bulk;
  }

  async add(doc: T): Promise<void> {
    this.#checkOpen();
    const queued = this.#queue(doc);
    if (this.#isUnderWay(queued)) await this.#putAfter(queued);
    else this.#put(queued);
    while (this.#queuedBytes > this.#settings.maxQueuedBytes) {
      if (this.#under.size === 0) this.#send();
      await this.#ended.promise;
    }
  }

  async flush(): Promise<void> {
    this.#checkOpen();
    await this.#drain();
  }

  close(): Promise<BulkReport<T>> {
    this.#closing ??= this.#drain().then(() => this.#report());
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Counts a document that cannot be sent. */
  refuse(doc: T, reason: string): void {
    this.#fail({ doc, reason, status: 400 });
  }

  /** Ends what is under way; everything without an outcome has failed, and is told so. */
  async abort(): Promise<void> {
    this.#stop.abort();
    await this.close();
  }

  #checkOpen(): void {
    this.#engine.runner.checkOpen();
    if (this.#closing !== undefined)
      throw esError(this.#engine.place, 'FAILED_PRECONDITION', 'the writer is closed; open a new one');
  }

  #queue(doc: T): Queued<T> {
    const { names, place, catalog } = this.#engine;
    names.document(doc);
    const ownId = this.#parts.id === undefined;
    const id = this.#parts.id === undefined ? newId() : names.id(this.#parts.id(doc), 'the id of a document');
    let json: string;
    try {
      json = JSON.stringify(doc);
    } catch (error) {
      throw invalidArgument(place, `doc ${shown(id)} cannot be written as JSON: ${String(error)}`);
    }
    catalog.noteWrite(this.#parts.target.index, doc);
    return {
      doc,
      id,
      json,
      routing: this.#parts.routing?.(doc),
      bytes: Buffer.byteLength(json) + LINE_BYTES,
      ownId,
    };
  }

  #isUnderWay({ ownId, id }: Queued<T>): boolean {
    return !ownId && this.#ids.has(id);
  }

  /** Puts a document when the one with its id has ended. */
  async #putAfter(queued: Queued<T>): Promise<void> {
    this.#waiting += 1;
    while (this.#isUnderWay(queued)) {
      this.#send();
      await this.#ended.promise;
    }
    this.#waiting -= 1;
    this.#put(queued);
    if (this.#draining > 0) this.#send();
  }

  #put(queued: Queued<T>): void {
    if (!queued.ownId) this.#ids.add(queued.id);
    this.#buffer.push(queued);
    this.#bufferBytes += queued.bytes;
    this.#queuedBytes += queued.bytes;
    this.#bytes += queued.bytes;
    if (this.#bufferBytes >= this.#settings.flushBytes) this.#send();
    else this.#timer ??= this.#engine.clock.setTimeout(() => this.#send(), this.#settings.flushIntervalMs);
  }

  /** Makes a batch of what was collected. */
  #send(): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
    if (this.#buffer.length > 0) this.#ready.push(this.#buffer);
    this.#buffer = [];
    this.#bufferBytes = 0;
    this.#start();
  }

  /** Sends batches while there are places for them. */
  #start(): void {
    while (this.#under.size < this.#settings.concurrency) {
      const documents = this.#ready.shift();
      if (documents === undefined) return;
      const sending: Promise<void> = this.#deliver(documents).finally(() => {
        this.#under.delete(sending);
        this.#start();
        const { resolve } = this.#ended;
        this.#ended = Promise.withResolvers();
        resolve();
      });
      this.#under.add(sending);
    }
  }

  async #deliver(documents: readonly Queued<T>[]): Promise<void> {
    const done = (document: Queued<T>): void => {
      this.#queuedBytes -= document.bytes;
      if (!document.ownId) this.#ids.delete(document.id);
    };
    const end = {
      indexed: (some: readonly Queued<T>[]) => {
        for (const each of some) done(each);
        this.#indexed += some.length;
        documentsCounter.add(some.length, this.#labels('indexed'));
      },
      failed: (document: Queued<T>, reason: string, status: number) => {
        done(document);
        this.#fail({ doc: document.doc, reason, status });
      },
      retried: (count: number) => {
        this.#retried += count;
        retriesCounter.add(count, this.#labels());
      },
    };
    const batch = new BulkBatch<T>(this.#engine, this.#parts.target, end, this.#stop.signal, this.#settings);
    await InfraContext.detach(() => batch.send(documents));
  }

  #labels(outcome?: string): Record<string, string> {
    const instance = { 'infra.instance': this.#engine.place.name };
    return outcome === undefined ? instance : { ...instance, outcome };
  }

  #fail(failure: BulkFailure<T>): void {
    this.#failed.push(failure);
    documentsCounter.add(1, this.#labels('failed'));
    void this.#tell(failure);
  }

  /** Not waited for: a caller who is told slowly does not hold back what is under way. */
  async #tell(failure: BulkFailure<T>): Promise<void> {
    try {
      await this.#parts.onFailure?.(failure);
    } catch (error) {
      this.#engine.logger.error('onFailure of a writer threw', { err: error });
    }
  }

  async #drain(): Promise<void> {
    this.#draining += 1;
    this.#send();
    while (this.#under.size > 0 || this.#waiting > 0) await this.#ended.promise;
    this.#draining -= 1;
  }

  #report(): BulkReport<T> {
    this.#timer?.[Symbol.dispose]();
    this.#parts.onClosed();
    return {
      indexed: this.#indexed,
      failed: this.#failed,
      retried: this.#retried,
      bytes: this.#bytes,
      durationMs: Math.round(performance.now() - this.#started),
    };
  }
}
