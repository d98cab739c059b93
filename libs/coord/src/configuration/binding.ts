import { InfraContext, isConfigError, messageOf, type CallOptions } from '@infra-kit/kernel';
import { coordError, shown } from '../coord.errors.js';
import type { CoordEngine } from '../operations/coord-engine.js';
import { mayPass } from '../operations/may-pass.js';
import { followRange } from '../operations/range-follower.js';
import type { BindOptions, ConfigHandle, ConfigOrigin } from './config-center.js';
import { decodeValue } from './config-codec.js';
import { OutcomeReporter, type ConfigStatus } from './config-status.js';
import type { Listing } from './list-difference.js';
import type { SnapshotFolder } from './snapshot-file.js';

export interface BindingPlace {
  readonly path: string;
  readonly dataKey: string;
  readonly snapshots: SnapshotFolder | undefined;
  readonly status: ConfigStatus;
  /** Aborts when the coord closes. */
  readonly closing: AbortSignal;
}

interface Held<T> {
  readonly value: T;
  readonly revision: bigint;
  readonly source: ConfigOrigin;
}
type Refusal = NonNullable<ConfigHandle<unknown>['rejected']>;
interface Document {
  readonly text: string;
  readonly revision: bigint;
}

const errorsOf = (error: unknown): readonly string[] =>
  isConfigError(error) ? error.problems : [messageOf(error)];

const isPromise = (value: unknown): value is PromiseLike<unknown> =>
  typeof Reflect.get(Object(value), 'then') === 'function';

/** One document that follows its key: see `ConfigCenter.bind`. */
export class Binding<T> {
  readonly #engine: CoordEngine;
  readonly #place: BindingPlace;
  readonly #options: BindOptions<T>;
  readonly #stop = new AbortController();
  readonly #until: AbortSignal;
  readonly #reports: OutcomeReporter;
  #held: Held<T> | undefined;
  #rejected: Refusal | undefined;
  /** The newest document that waits to be taken. */
  #next: Document | undefined;
  #taking = false;
  #handle: ConfigHandle<T> | undefined;

  constructor(engine: CoordEngine, place: BindingPlace, options: BindOptions<T>) {
    this.#engine = engine;
    this.#place = place;
    this.#options = options;
    this.#until = AbortSignal.any([this.#stop.signal, place.closing]);
    this.#reports = new OutcomeReporter(engine, place.status, { path: place.path, until: this.#until });
  }

  async start(options: CallOptions): Promise<ConfigHandle<T>> {
    let start: Listing | undefined;
    try {
      start = await this.#read(options);
    } catch (error) {
      if (!mayPass(error) || !(await this.#standIn('snapshot', 'fallback'))) throw error;
      this.#engine.logger.warn('the store is away: a document is not the newest', {
        key: this.#place.path,
        source: this.#held?.source,
      });
    }
    if (start !== undefined) await this.#begin(start);
    const held = this.#held;
    if (held === undefined) throw this.#nothing();
    void InfraContext.detach(() => this.#follow(start));
    return (this.#handle = this.#makeHandle(held));
  }

  async #read(options: CallOptions): Promise<Listing> {
    const { runner, driver } = this.#engine;
    const limits = { signal: options.signal, timeoutMs: options.timeoutMs };
    const range = { key: this.#place.dataKey };
    const { kvs, revision } = await runner.run('range', limits, (call) => driver.range(range, call));
    const entries = kvs.map(({ key, value, modRevision }) => ({ key, value, revision: modRevision }));
    return { entries, revision };
  }

  async #begin({ entries: [document] }: Listing): Promise<void> {
    if (document === undefined) {
      await this.#standIn('fallback', 'snapshot');
      return;
    }
    await this.#take({ text: document.value, revision: document.revision });
    if (this.#held === undefined) await this.#standIn('snapshot', 'fallback');
  }

  /** Takes the first that there is. */
  async #standIn(...order: readonly ('snapshot' | 'fallback')[]): Promise<boolean> {
    for (const source of order) {
      if (source === 'snapshot') await this.#fromSnapshot();
      else if (this.#options.fallback !== undefined)
        this.#held = { value: this.#options.fallback, revision: 0n, source };
      if (this.#held !== undefined) return true;
    }
    return false;
  }

  async #fromSnapshot(): Promise<void> {
    try {
      const snapshot = await this.#place.snapshots?.read(this.#place.dataKey);
      if (snapshot === undefined) return;
      const value = this.#parse(snapshot.value);
      this.#held = { value, revision: snapshot.revision, source: 'snapshot' };
    } catch (error) {
      this.#engine.logger.warn('a snapshot cannot be used', { key: this.#place.path, err: error });
    }
  }

  #nothing(): Error {
    const { place } = this.#engine;
    const document = `the document ${shown(this.#place.path)}`;
    if (this.#rejected === undefined)
      return coordError(place, 'NOT_FOUND', `${document} does not exist; set it, or pass a fallback`);
    const { revision, errors } = this.#rejected;
    return coordError(
      place,
      'INVALID_ARGUMENT',
      `${document} is refused at revision ${revision}: ${errors.join('; ')}`,
    );
  }

  async #follow(start: Listing | undefined): Promise<void> {
    const range = { key: this.#place.dataKey };
    try {
      for await (const news of followRange(this.#engine, range, { start, signal: this.#until })) {
        const change = news.type === 'changes' ? news.changes.at(-1) : undefined;
        if (change?.type === 'delete')
          this.#engine.logger.info('a document is deleted, the last good value stays', {
            key: this.#place.path,
          });
        if (change?.type === 'put') this.#offer({ text: change.value, revision: change.revision });
      }
    } catch (error) {
      this.#engine.logger.error('a document is followed no longer', { key: this.#place.path, err: error });
    }
  }

  /** Documents are taken one after another; of those that come meanwhile, the last. */
  #offer(document: Document): void {
    this.#next = document;
    if (this.#taking) return;
    this.#taking = true;
    void this.#takeAll();
  }

  async #takeAll(): Promise<void> {
    while (this.#next !== undefined && !this.#until.aborted) {
      const document = this.#next;
      this.#next = undefined;
      await this.#take(document);
    }
    this.#taking = false;
  }

  /** Never rejects. */
  async #take({ text, revision }: Document): Promise<void> {
    const { path } = this.#place;
    let raw: unknown;
    let value: T;
    try {
      raw = decodeValue(this.#engine.place, path, text);
      value = this.#parse(raw);
    } catch (error) {
      this.#refuse({ revision, errors: errorsOf(error) });
      return;
    }
    const before = this.#held;
    const known = before?.source === 'snapshot' && before.revision === revision;
    if (!known) await this.#store(revision, raw);
    if (this.#until.aborted) return;
    this.#held = { value: known ? before.value : value, revision, source: 'remote' };
    this.#accept(revision);
    if (before !== undefined && !known) this.#tell(value);
  }

  #parse(raw: unknown): T {
    const value = this.#options.parse(raw);
    if (!isPromise(value)) return value;
    value.then(undefined, () => undefined); // a rejection nobody waits for would end the process
    throw new TypeError('parse must answer at once, not with a promise');
  }

  async #store(revision: bigint, value: unknown): Promise<void> {
    try {
      await this.#place.snapshots?.write(this.#place.dataKey, { revision, value });
    } catch (error) {
      this.#engine.logger.error(
        'a snapshot was not written: with the store away, a start has the one before',
        {
          key: this.#place.path,
          err: error,
        },
      );
    }
  }

  #tell(value: T): void {
    const { onChange } = this.#options;
    const handle = this.#handle;
    if (onChange === undefined || handle === undefined) return;
    const failed = (error: unknown): void =>
      this.#engine.logger.error('a listener of a document failed', { key: this.#place.path, err: error });
    try {
      Promise.resolve(onChange(value, handle)).catch(failed);
    } catch (error) {
      failed(error);
    }
  }

  #refuse(refusal: Refusal): void {
    this.#rejected = refusal;
    this.#engine.logger.error('a document is refused, the last good one stays', {
      key: this.#place.path,
      ...refusal,
    });
    this.#reports.report({ ...refusal, status: 'refused', restartRequired: [] });
  }

  #accept(revision: bigint): void {
    if (this.#rejected === undefined) return;
    this.#rejected = undefined;
    this.#reports.report({ revision, status: 'applied', errors: [], restartRequired: [] });
  }

  #makeHandle(first: Held<T>): ConfigHandle<T> {
    const held = (): Held<T> => this.#held ?? first;
    const rejected = (): Refusal | undefined => this.#rejected;
    const stop = this.#stop;
    return {
      get current() {
        return held().value;
      },
      get revision() {
        return held().revision;
      },
      get source() {
        return held().source;
      },
      get rejected() {
        return rejected();
      },
      close: () => stop.abort(),
      [Symbol.dispose]: () => stop.abort(),
    };
  }
}
