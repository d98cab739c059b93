import { randomBytes } from 'node:crypto';
import { HeldLease, InfraContext, LockLostError, type Clock } from '@infra-kit/kernel';
import type { CachePlace } from '../cache.errors.js';
import type { CacheDriver } from '../drivers/cache-driver.js';
import type { AtomicScript } from '../scripts/atomic-script.js';
import type { CallRunner } from './call-runner.js';
import { keyAbout } from './key-space.js';
import { claimLease, freeLease, renewLease } from './lease-scripts.js';
import { WakeUp } from './wake-up.js';

interface Parts {
  readonly place: CachePlace;
  readonly driver: CacheDriver;
  readonly runner: CallRunner;
  readonly clock: Clock;
}

/** The right to load a key, for the fleet; renewed until it is given back. */
export interface LoadLease {
  /** False once another process may have it: what was loaded then is not stored. */
  isHeld(): boolean;
  giveBack(): Promise<void>;
}

/** A short lease a key, so that one process loads what all want. */
export class LoadLeases {
  readonly #parts: Parts;
  readonly #returning = new Set<Promise<unknown>>();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** False where the store has no scripts: every process loads for itself then. */
  get possible(): boolean {
    return this.#parts.driver.capabilities.scripts;
  }

  /** The lease, or for how many milliseconds another has it. */
  async claim(fullKey: string, ttlMs: number): Promise<LoadLease | number> {
    const { clock, place } = this.#parts;
    const leaseKey = keyAbout(fullKey, 'load');
    const owner = randomBytes(9).toString('base64url');
    const sentAt = clock.monotonic();
    const left = await this.#run(claimLease, leaseKey, [owner, String(ttlMs)]);
    if (left > 0) return left;
    const lease = new HeldLease({
      clock,
      ttlMs,
      sentAt,
      renew: (signal) => this.#run(renewLease, leaseKey, [owner, String(ttlMs)], signal),
      lost: (why, cause) => new LockLostError(`${place.label}: the load's lease: ${why}`, { cause }),
    });
    return {
      isHeld: () => lease.remainingMs() > 0,
      giveBack: async () => {
        lease.stop();
        // it ends by itself where this fails
        const returning = InfraContext.detach(() => this.#run(freeLease, leaseKey, [owner])).catch(
          () => undefined,
        );
        this.#returning.add(returning);
        await returning;
        this.#returning.delete(returning);
      },
    };
  }

  /** Resolves when every lease that was given back is free, or could not be freed. */
  async returned(): Promise<void> {
    await Promise.all(this.#returning);
  }

  /** For those who wait for the lease of another. */
  wakeUp(fullKey: string): WakeUp {
    const { driver, clock } = this.#parts;
    return new WakeUp({ notices: driver.notices, channel: keyAbout(fullKey, 'load'), clock });
  }

  async #run<R>(
    script: AtomicScript<R>,
    key: string,
    args: readonly string[],
    signal?: AbortSignal,
  ): Promise<R> {
    const { driver, runner } = this.#parts;
    const options = signal && { signal };
    return script.decode(
      await runner.run('script', options, (call) => driver.run(script, [key], args, call), script.name),
    );
  }
}
