import { randomBytes } from 'node:crypto';
import { HeldLease, InfraContext, type Logger } from '@infra-kit/kernel';
import type { OnceConfig } from '../once.config.js';
import { OnceLeaseLostError, OnceMismatchError, shown, storeAway } from '../once.errors.js';
import type { OnceResult } from '../once.provider.js';
import type { CacheStore, Grant } from '../store/cache-store.js';
import { encodeError, encodeResult } from '../values/kept-result.js';
import { ran, refuseOther, replay } from './replay.js';
import type { InFlight, OnceRequest, OnceRuns, RunParts } from './request.js';
import { untilDecided } from './waiting.js';

interface Parts extends RunParts {
  readonly logger: Logger;
  readonly store: CacheStore;
  readonly settings: () => OnceConfig;
}

type Claimed =
  | { readonly kind: 'granted'; readonly grant: Grant; readonly sentAt: number }
  | { readonly kind: 'done'; readonly result: string }
  | { readonly kind: 'unprotected' };

type Ending<T> = { readonly value: T } | { readonly error: unknown };

/** A run that holds its key. */
interface Held<T> {
  readonly request: OnceRequest<T>;
  readonly grant: Grant;
  readonly lease: HeldLease;
}

/** A completion that failed is tried again in the background, this often in the time of a lease. */
const RETRIES_A_LEASE = 10;

/** Runs under a lease in the cache. */
export class CacheRuns implements OnceRuns {
  readonly #parts: Parts;
  readonly #leases = new Set<HeldLease>();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  async execute<T>(request: OnceRequest<T>): Promise<OnceResult<T>> {
    const claimed = await untilDecided(this.#parts, request, () => this.#claim(request));
    if (claimed.kind === 'done') return replay(this.#parts, request.key, claimed.result);
    if (claimed.kind === 'unprotected') return this.#unprotected(request);
    const { grant, sentAt } = claimed;
    const held = { request, grant, lease: this.#hold(request, grant, sentAt) };
    if (held.lease.lost)
      throw this.#away(held.request.key, grant, 'its answer took longer than a lease lasts');
    return this.#run(held);
  }

  /** For what still runs when the component closes: its keys stay taken until their leases end. */
  loseAll(): void {
    for (const lease of this.#leases) lease.lose('the component is closed');
  }

  async #claim(request: OnceRequest<unknown>): Promise<Claimed | InFlight> {
    const { store, clock, settings } = this.#parts;
    const { stored, key, leaseMs, fingerprint, signal } = request;
    const owner = randomBytes(9).toString('base64url');
    const sentAt = clock.monotonic();
    try {
      const reply = await store.claim(stored, { leaseMs, owner, fingerprint }, { signal });
      if ('fence' in reply) {
        const { fence, startedAt } = reply;
        return { kind: 'granted', grant: { stored, owner, fence, startedAt, fingerprint }, sentAt };
      }
      refuseOther(this.#parts, request, reply.entry.fingerprint);
      if (reply.entry.status === 'running') return { inFlightMs: reply.entry.leftMs };
      return { kind: 'done', result: reply.entry.result };
    } catch (error) {
      if (error instanceof OnceMismatchError) throw error;
      if (signal?.aborted !== true && settings().onStoreError === 'open') return { kind: 'unprotected' };
      const away = this.#away(key, { stored, owner }, 'the store was not reached', error);
      throw signal?.aborted === true ? error : away;
    }
  }

  /** It may have been granted, and nobody would know: so it is given back. */
  #away(
    key: string,
    { stored, owner }: Pick<Grant, 'stored' | 'owner'>,
    why: string,
    cause?: unknown,
  ): Error {
    const { count, place } = this.#parts;
    count(['refused', 'store_away']);
    void this.#released(stored, owner);
    return storeAway(place, `nothing was run for key ${shown(key)}: ${why}`, cause);
  }

  async #unprotected<T>({ key, stored, fn, signal }: OnceRequest<T>): Promise<OnceResult<T>> {
    const { chain, count } = this.#parts;
    count(['ran', 'unprotected']);
    const call = { key, fence: 0n, signal: signal ?? new AbortController().signal };
    return { value: await chain.run(stored, call, fn), replayed: false };
  }

  #hold({ key, leaseMs }: OnceRequest<unknown>, grant: Grant, sentAt: number): HeldLease {
    const { store, clock, place } = this.#parts;
    return new HeldLease({
      clock,
      ttlMs: leaseMs,
      sentAt,
      renew: (ended) => store.renew(grant, leaseMs, { signal: ended }),
      lost: (why, cause) => new OnceLeaseLostError(place, key, why, cause),
    });
  }

  async #run<T>(held: Held<T>): Promise<OnceResult<T>> {
    const { request, grant, lease } = held;
    const { key, fn, stored, signal } = request;
    this.#leases.add(lease);
    try {
      const both = signal === undefined ? lease.signal : AbortSignal.any([lease.signal, signal]);
      const call = { key, fence: grant.fence, signal: both };
      const ending = await endingOf(this.#parts.chain.run(stored, call, fn));
      if ('error' in ending) return await this.#failed(held, ending.error);
      const encoded = encodeResult(ending.value, request.maxResultBytes);
      await this.#complete(held, encoded.text, undefined);
      return ran(this.#parts, key, encoded);
    } finally {
      this.#leases.delete(lease);
    }
  }

  async #failed({ request, grant, lease }: Held<unknown>, error: unknown): Promise<never> {
    const { place, count } = this.#parts;
    if (!lease.lost && request.storeError?.(error) === true) {
      await this.#complete({ request, grant, lease }, encodeError(error), error);
      count(['failed', 'error_kept']);
      throw error;
    }
    const { lost } = lease;
    lease.stop();
    await this.#released(grant.stored, grant.owner);
    count(['failed', lost ? 'lease_lost' : 'error']);
    throw lost ? new OnceLeaseLostError(place, request.key, 'and the function has failed', error) : error;
  }

  /** Resolves when it is kept and the lease was held to the end. A lost owner's is kept too, unless another has the key. */
  async #complete(held: Held<unknown>, text: string, failure: unknown): Promise<void> {
    const { store, place, count } = this.#parts;
    const { request, grant, lease } = held;
    const { key, ttlMs } = request;
    let accepted: boolean;
    try {
      accepted = await InfraContext.detach(() => store.complete(grant, text, ttlMs));
    } catch (error) {
      this.#completeLater(held, text);
      count(['failed', 'not_stored']);
      const what = `the result of key ${shown(key)} could not be stored: the effect may have happened; ask again with the same key`;
      throw storeAway(place, what, error);
    }
    const { lost, signal } = lease;
    lease.stop();
    if (accepted && !lost) return;
    count(['failed', 'lease_lost']);
    const why = accepted
      ? 'its result was kept all the same; ask again with the same key'
      : 'another has the key, or it was cleared; its result was not kept';
    throw new OnceLeaseLostError(place, key, why, failure ?? (signal.aborted ? signal.reason : undefined));
  }

  /** In the background, for as long as the lease can be held, and no longer than one more. */
  #completeLater({ request, grant, lease }: Held<unknown>, text: string): void {
    const { store, clock, logger } = this.#parts;
    const told = (): Promise<boolean> =>
      store.complete(grant, text, request.ttlMs).then(
        () => true,
        () => false,
      );
    const retried = async (): Promise<void> => {
      for (let left = RETRIES_A_LEASE; left > 0 && !lease.lost; left--) {
        await clock.sleep(request.leaseMs / RETRIES_A_LEASE);
        if (await told()) return;
      }
      logger.warn('a result was not stored: its key is free when its lease has ended');
    };
    void InfraContext.detach(retried).finally(() => lease.stop());
  }

  /** Never rejects: without it the key is free when its lease has ended. */
  async #released(stored: string, owner: string): Promise<void> {
    await InfraContext.detach(() => this.#parts.store.release(stored, owner)).catch(() => undefined);
  }
}

async function endingOf<T>(running: Promise<T>): Promise<Ending<T>> {
  try {
    return { value: await running };
  } catch (error) {
    return { error };
  }
}
