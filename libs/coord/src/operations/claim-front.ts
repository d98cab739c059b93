import { HeldLock, LockFront, type Lock, type LockRequest } from '@infra-kit/kernel';
import { shown } from '../coord.errors.js';
import type { Claim, ClaimQueue } from './claim-queue.js';
import type { CoordEngine } from './coord-engine.js';
import type { KeyGroup } from './key-space.js';
import type { LeaseKind } from './store-leases.js';

const LEAST_TTL_MS = 1000;

export interface ClaimFrontOptions {
  /** For messages: `locks`, `elections`. */
  readonly part: string;
  /** For messages, what a key names: `lock`. */
  readonly noun: string;
  readonly kind: LeaseKind;
  readonly group: KeyGroup;
  /** What stands in the store for who claims. */
  readonly value: string;
  readonly granted?: ((lock: Lock, claim: Claim) => void) | undefined;
}

/** The kernel's locks over a queue of claims: its checks, limits and `withLock`. */
export function claimFront(engine: CoordEngine, queue: ClaimQueue, options: ClaimFrontOptions): LockFront {
  const { part, noun, kind, group, value, granted } = options;
  const { keys, place, clock, runner, settings } = engine;
  const request = ({ key, ttlMs, signal }: LockRequest) => {
    const root = `${keys.root(group)}${keys.path(key)}`;
    return { root, kind, what: `${noun} ${shown(key)}`, value, ttlMs, signal };
  };
  const locked = (key: string, claim: Claim): Lock => {
    const { token, lease } = claim;
    const lock = new HeldLock({ key, token, lease, giveBack: () => claim.end() });
    granted?.(lock, claim);
    return lock;
  };
  return new LockFront(
    {
      tryGrant: async (asked) => {
        const claim = await queue.tryClaim(request(asked));
        return claim && locked(asked.key, claim);
      },
      grant: async (asked) => locked(asked.key, await queue.claim(request(asked))),
    },
    {
      clock,
      noun,
      label: `${place.label}.${part}`,
      component: 'coord',
      instance: place.name,
      defaultTtlMs: () => settings().lockTtlMs,
      leastTtlMs: LEAST_TTL_MS,
      checkKey: (key) => {
        runner.checkOpen();
        keys.path(key);
      },
    },
  );
}
