import type { DbProvider } from '@infra-kit/db';
import { OnceLeaseLostError, tableMissing } from '../once.errors.js';
import type { OnceResult } from '../once.provider.js';
import { isTableMissing, type DbGrant, type DbStore } from '../store/db-store.js';
import { encodeError, encodeResult, type Encoded } from '../values/kept-result.js';
import { Heartbeat } from './heartbeat.js';
import { ran, refuseOther, replay } from './replay.js';
import type { InFlight, OnceRequest, OnceRuns, RunParts } from './request.js';
import { untilDecided } from './waiting.js';

interface Parts extends RunParts {
  readonly db: DbProvider;
  readonly store: DbStore;
}

type Ended<T> =
  | { readonly kind: 'ran'; readonly encoded: Encoded<T> }
  | { readonly kind: 'error_kept'; readonly error: unknown };
/** How a transaction ended that has something to commit. */
type Settled<T> = Ended<T> | { readonly kind: 'done'; readonly result: string };

/** How far a transaction has come: whose error it is that ended it. */
interface Stage {
  inFunction: boolean;
  refused: boolean;
}

/** Rolls back a transaction whose key another one has completed since it was claimed. */
class Overtaken extends Error {}

/**
 * Runs in the transaction of the effect: in the one there is, as a savepoint of it, else in a new one. The server frees
 * the key with the transaction: when its connection breaks, or nothing was heard of it for a lease.
 */
export class DbRuns implements OnceRuns {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  async execute<T>(request: OnceRequest<T>): Promise<OnceResult<T>> {
    const { store, count } = this.#parts;
    const joins = store.inTransaction;
    const settled = await untilDecided(this.#parts, request, () => this.#decided(request, joins));
    if (settled.kind === 'done') return replay(this.#parts, request.key, settled.result);
    if (settled.kind === 'ran') return ran(this.#parts, request.key, settled.encoded);
    count(['failed', 'error_kept']);
    throw settled.error;
  }

  /** Again when another transaction has completed the key: it is there to be replayed then. */
  async #decided<T>(request: OnceRequest<T>, joins: boolean): Promise<Settled<T> | InFlight> {
    for (;;) {
      try {
        return await (joins ? this.#savepoint(request) : this.#transaction(request));
      } catch (error) {
        if (!(error instanceof Overtaken)) throw error;
      }
    }
  }

  /** Inside the caller's transaction, whose time is the caller's business. */
  async #savepoint<T>(request: OnceRequest<T>): Promise<Settled<T> | InFlight> {
    const stage: Stage = { inFunction: false, refused: false };
    try {
      return await this.#parts.db.transaction(() => this.#attempt(request, stage, undefined), {
        propagation: 'nested',
      });
    } catch (error) {
      throw this.#told(error, request, stage, undefined);
    }
  }

  async #transaction<T>(request: OnceRequest<T>): Promise<Settled<T> | InFlight> {
    const { db, clock, store, place } = this.#parts;
    const { key, leaseMs, signal } = request;
    const stage: Stage = { inFunction: false, refused: false };
    let heartbeat: Heartbeat | undefined;
    try {
      return await db.transaction(() => {
        heartbeat?.stop(); // of a transaction that is run again
        heartbeat = new Heartbeat({
          clock,
          leaseMs,
          beat: () => store.beat(),
          lost: (why, cause) => new OnceLeaseLostError(place, key, why, cause),
        });
        return this.#attempt(request, stage, heartbeat);
      }, signal && { signal });
    } catch (error) {
      throw this.#told(error, request, stage, heartbeat);
    } finally {
      heartbeat?.stop();
    }
  }

  async #attempt<T>(
    request: OnceRequest<T>,
    stage: Stage,
    heartbeat: Heartbeat | undefined,
  ): Promise<Settled<T> | InFlight> {
    const { store } = this.#parts;
    const { stored, leaseMs, fingerprint, ttlMs } = request;
    stage.inFunction = false;
    const claim = await store.claim(stored, heartbeat && leaseMs);
    if (claim.kind === 'running') return { inFlightMs: leaseMs };
    if (claim.kind === 'done') {
      stage.refused = true;
      refuseOther(this.#parts, request, claim.fingerprint);
      return { kind: 'done', result: claim.result };
    }
    heartbeat?.start();
    stage.inFunction = true;
    const ended = await this.#run(request, claim, heartbeat);
    const result = ended.kind === 'ran' ? ended.encoded.text : encodeError(ended.error);
    if (await store.complete(stored, claim, { result, fingerprint, ttlMs })) return ended;
    throw new Overtaken();
  }

  /** An error that is to be kept takes back what the function did, but not the key: so it gets a savepoint of its own. */
  async #run<T>(
    { key, stored, fn, signal, storeError, maxResultBytes }: OnceRequest<T>,
    { fence }: DbGrant,
    heartbeat: Heartbeat | undefined,
  ): Promise<Ended<T>> {
    const { chain, db } = this.#parts;
    const signals = [signal, heartbeat?.signal].filter((one) => one !== undefined);
    const call = { key, fence: BigInt(fence), signal: AbortSignal.any(signals) };
    const work = (): Promise<T> => chain.run(stored, call, fn);
    if (storeError === undefined) return { kind: 'ran', encoded: encodeResult(await work(), maxResultBytes) };
    try {
      const value = await db.transaction(work, { propagation: 'nested' });
      return { kind: 'ran', encoded: encodeResult(value, maxResultBytes) };
    } catch (error) {
      if (heartbeat?.missed === true || !storeError(error)) throw error;
      return { kind: 'error_kept', error };
    }
  }

  /** What a transaction that was rolled back is called, and counted as. */
  #told(
    error: unknown,
    { key }: OnceRequest<unknown>,
    { inFunction, refused }: Stage,
    heartbeat: Heartbeat | undefined,
  ): unknown {
    const { count, place } = this.#parts;
    if (refused || error instanceof Overtaken) return error;
    const lost = inFunction && heartbeat?.missed === true;
    count(inFunction ? ['failed', lost ? 'lease_lost' : 'error'] : ['refused', 'store_away']);
    if (isTableMissing(error) && !inFunction) return tableMissing(place);
    if (!lost || error instanceof OnceLeaseLostError) return error;
    return new OnceLeaseLostError(place, key, 'the server ended its transaction, which had no effect', error);
  }
}
