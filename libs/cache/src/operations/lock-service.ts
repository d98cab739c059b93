import { LockFront, type LockService } from '@infra-kit/kernel';
import type { CacheEngine } from './cache-engine.js';
import type { KeySpace } from './key-space.js';

/** Locks on one key space: kernel's front over the cache's keeper. */
export function lockService(
  { place, locks, clock, settings }: Pick<CacheEngine, 'place' | 'locks' | 'clock' | 'settings'>,
  keys: KeySpace,
  checkOpen: () => void,
): LockService {
  return new LockFront(
    locks.driver((key) => keys.full(key)),
    {
      clock,
      label: `${place.label}.locks`,
      component: 'cache',
      instance: place.name,
      defaultTtlMs: () => settings().lockTtlMs,
      checkKey: (key) => {
        checkOpen();
        keys.full(key);
      },
    },
  );
}
