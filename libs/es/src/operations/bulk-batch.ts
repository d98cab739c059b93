import { isDeepStrictEqual } from 'node:util';
import { InfraContext, isInfraError } from '@infra-kit/kernel';
import type { BulkOutcome, DriverCall } from '../drivers/es-driver.js';
import type { EsBulkConfig } from '../es.config.js';
import { backoffMs } from './call-runner.js';
import type { EsEngine } from './es-engine.js';

const BULK = { name: 'bulk', repeatable: false };
const LOOK_UP = { name: 'mget', repeatable: true };
const FIRST_WAIT_MS = 100;
const LONGEST_WAIT_MS = 5000;

export const UNKNOWN_OUTCOME = 'unknown outcome';

/** A document on its way, under the id it keeps over all tries. */
export interface Queued<T> {
  readonly doc: T;
  readonly id: string;
  readonly json: string;
  readonly routing: string | undefined;
  readonly bytes: number;
  /** The id was made for this document: whatever is found under it is this one. */
  readonly ownId: boolean;
}

export interface BatchTarget {
  /** Whole name. */
  readonly index: string;
  readonly requireAlias: boolean;
}
export interface BatchEnd<T> {
  readonly indexed: (documents: readonly Queued<T>[]) => void;
  readonly failed: (document: Queued<T>, reason: string, status: number) => void;
  readonly retried: (documents: number) => void;
}

/** What became of a try: an answer a document, a refusal of the whole, or no answer. */
type Tried =
  | { readonly kind: 'answered'; readonly outcomes: readonly BulkOutcome[] }
  | {
      readonly kind: 'refused' | 'unanswered';
      readonly status: number;
      readonly reason: string;
      readonly again: boolean;
    };

const isBusy = (status: number): boolean =>
  status === 429 || status === 502 || status === 503 || status === 504;

/**
 * Sends one batch until each of its documents has an outcome: indexed, failed for good, or failed after the last try. A
 * document whose last try had no answer is looked up. Never rejects.
 */
export class BulkBatch<T> {
  readonly #engine: EsEngine;
  readonly #target: BatchTarget;
  readonly #settings: EsBulkConfig;
  readonly #end: BatchEnd<T>;
  readonly #signal: AbortSignal;

  constructor(
    engine: EsEngine,
    target: BatchTarget,
    end: BatchEnd<T>,
    signal: AbortSignal,
    settings: EsBulkConfig,
  ) {
    this.#engine = engine;
    this.#target = target;
    this.#end = end;
    this.#signal = signal;
    this.#settings = settings;
  }

  async send(documents: readonly Queued<T>[]): Promise<void> {
    let waiting = documents;
    /** Documents of which some try had no answer: they may be there already. */
    const unsure = new Set<Queued<T>>();
    for (let tried = 0; waiting.length > 0; tried++) {
      if (tried > 0) this.#end.retried(waiting.length);
      const result = await this.#try(waiting);
      const last = tried >= this.#settings.retries || this.#signal.aborted;
      if (result.kind === 'answered') waiting = await this.#settle(waiting, result.outcomes, last, unsure);
      else {
        if (result.kind === 'unanswered') for (const each of waiting) unsure.add(each);
        if (last || !result.again) {
          await this.#giveUp(waiting, unsure, result);
          return;
        }
      }
      if (waiting.length > 0) await this.#pause(tried);
    }
  }

  /** What is to be sent again. */
  async #settle(
    documents: readonly Queued<T>[],
    outcomes: readonly BulkOutcome[],
    last: boolean,
    unsure: Set<Queued<T>>,
  ): Promise<Queued<T>[]> {
    const indexed: Queued<T>[] = [];
    const again: Queued<T>[] = [];
    for (const [at, document] of documents.entries()) {
      const { status, reason = `status ${status}` } = outcomes[at] ?? { status: 0, reason: UNKNOWN_OUTCOME };
      if (status >= 200 && status < 300) indexed.push(document);
      else if (!isBusy(status)) this.#end.failed(document, reason, status);
      else if (!last) again.push(document);
      else await this.#giveUp([document], unsure, { status, reason });
    }
    if (indexed.length > 0) this.#end.indexed(indexed);
    return again;
  }

  async #try(documents: readonly Queued<T>[]): Promise<Tried> {
    const { driver, runner, place } = this.#engine;
    if (this.#signal.aborted) return { kind: 'refused', status: 0, reason: 'cancelled', again: false };
    const request = { index: this.#target.index, ops: documents, requireAlias: this.#target.requireAlias };
    try {
      // outside the request that happened to fill the batch, and outside its retries: they are counted here
      const outcomes = await InfraContext.detach(() =>
        runner.runOnce(
          BULK,
          { signal: this.#signal },
          (call: DriverCall) => driver.bulk(request, call),
          this.#target.index,
        ),
      );
      return { kind: 'answered', outcomes };
    } catch (error) {
      const failure = driver.failureOf(
        isInfraError(error) && error.cause !== undefined ? error.cause : error,
      );
      const reason = isInfraError(error) ? error.message.replace(`${place.label}: `, '') : failure.reason;
      if (failure.status > 0)
        return { kind: 'refused', status: failure.status, reason, again: isBusy(failure.status) };
      return { kind: failure.nothingDone ? 'refused' : 'unanswered', status: 0, reason, again: true };
    }
  }

  async #giveUp(
    documents: readonly Queued<T>[],
    unsure: ReadonlySet<Queued<T>>,
    { status, reason }: { readonly status: number; readonly reason: string },
  ): Promise<void> {
    const lost = documents.filter((each) => unsure.has(each));
    for (const each of documents) if (!unsure.has(each)) this.#end.failed(each, reason, status);
    if (lost.length === 0) return;
    const there = await this.#lookUp(lost);
    const indexed = lost.filter((_, at) => there[at] === true);
    if (indexed.length > 0) this.#end.indexed(indexed);
    for (const [at, each] of lost.entries())
      if (there[at] !== true) this.#end.failed(each, UNKNOWN_OUTCOME, 0);
  }

  /** Whether each document is there as it was sent; nobody knows where the cluster does not answer. */
  async #lookUp(documents: readonly Queued<T>[]): Promise<readonly boolean[]> {
    const { driver, runner } = this.#engine;
    const ids = documents.map(({ id }) => id);
    const settings = this.#settings;
    for (let tried = 0; tried <= settings.retries && !this.#signal.aborted; tried++) {
      try {
        const found = await InfraContext.detach(() =>
          runner.runOnce(LOOK_UP, { signal: this.#signal }, (call) =>
            driver.lookUp(this.#target.index, ids, call),
          ),
        );
        return documents.map(({ json, ownId }, at) => {
          const stored = found[at];
          return stored !== undefined && (ownId || isDeepStrictEqual(stored.source, JSON.parse(json)));
        });
      } catch {
        if (tried < settings.retries) await this.#pause(tried);
      }
    }
    return [];
  }

  async #pause(tried: number): Promise<void> {
    try {
      await this.#engine.clock.sleep(backoffMs(tried, FIRST_WAIT_MS, LONGEST_WAIT_MS), this.#signal);
    } catch {
      // cancelled: the next try ends at once
    }
  }
}
