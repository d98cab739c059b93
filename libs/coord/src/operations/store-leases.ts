import {
  HeldLease,
  InfraContext,
  isInfraError,
  LockLostError,
  type Clock,
  type Logger,
} from '@infra-kit/kernel';
import { closedError, type CoordPlace } from '../coord.errors.js';
import { lostCounter } from '../coord.telemetry.js';
import type { CoordDriver } from '../drivers/coord-driver.js';
import type { CallRunner } from './call-runner.js';

export type LeaseKind = 'lock' | 'leader' | 'instance-id';

export interface LeaseOrder {
  readonly kind: LeaseKind;
  /** For messages: `lock "/a"`. */
  readonly what: string;
  readonly ttlMs: number;
}

/** A lease in the store and what its holder may believe of it. */
export interface StoreLease {
  readonly id: string;
  readonly held: HeldLease;
  /** Gives it back: its keys are gone. Rejects when the store cannot be told, and frees it after the ttl then. */
  end(): Promise<void>;
}

interface LeasesDeps {
  readonly driver: CoordDriver;
  readonly runner: CallRunner;
  readonly place: CoordPlace;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** All leases of one coord: granted, kept alive, and given back when it closes. */
export class StoreLeases {
  readonly #deps: LeasesDeps;
  readonly #open = new Set<StoreLease>();
  readonly #closing = new AbortController();

  constructor(deps: LeasesDeps) {
    this.#deps = deps;
  }

  /** Aborts when the coord closes: who waits for something stops. */
  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  /** The caller ends what was granted. Not limited by the caller's deadline, so that nothing is left half done. */
  async grant(order: LeaseOrder): Promise<StoreLease> {
    this.#closing.signal.throwIfAborted();
    const { driver, runner, clock } = this.#deps;
    const sentAt = clock.monotonic();
    const { id } = await runner.run('grant', undefined, (call) => driver.grant(order.ttlMs, call));
    const held = new HeldLease({
      clock,
      sentAt,
      ttlMs: order.ttlMs,
      renew: (signal) => this.#renew(id, signal),
      lost: (why, cause) => this.#lost(order, why, cause, lease),
    });
    const lease: StoreLease = { id, held, end: () => this.#end(lease) };
    this.#open.add(lease);
    return lease;
  }

  async close(): Promise<void> {
    this.#closing.abort(closedError(this.#deps.place));
    const open = [...this.#open];
    // its holder hears of it before another can have what it stands for
    for (const { held } of open) held.lose('its coord is closed');
    await Promise.allSettled(open.map((lease) => lease.end()));
  }

  async #renew(id: string, signal: AbortSignal): Promise<boolean> {
    const { driver, runner } = this.#deps;
    try {
      await runner.run('keepAlive', { signal }, (call) => driver.keepAlive(id, call));
      return true;
    } catch (error) {
      if (isInfraError(error) && error.code === 'NOT_FOUND') return false;
      throw error;
    }
  }

  #lost({ kind, what }: LeaseOrder, why: string, cause: unknown, lease: StoreLease): LockLostError {
    const { place, logger } = this.#deps;
    this.#open.delete(lease);
    if (!this.#closing.signal.aborted) {
      lostCounter.add(1, { coord: place.name, kind });
      logger.warn('a lease was lost', { kind, err: cause });
    }
    const origin = { component: 'coord', instance: place.name };
    return new LockLostError(`${place.label}: ${what} is lost, ${why}`, { ...origin, cause });
  }

  async #end(lease: StoreLease): Promise<void> {
    const { driver, runner } = this.#deps;
    lease.held.stop();
    try {
      await InfraContext.detach(() =>
        runner.run('revoke', undefined, (call) => driver.revoke(lease.id, call)),
      );
    } catch (error) {
      if (!isInfraError(error) || error.code !== 'NOT_FOUND') throw error;
    }
    this.#open.delete(lease);
  }
}
