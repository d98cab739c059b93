import { HeldLease, HeldLock, InfraError, LockFront, LockLostError } from '@infra-kit/kernel';
import type { Clock, Lock, LockDriver, LockRequest } from '@infra-kit/kernel';
import type { LockSuiteMember } from '@infra-kit/kernel/testing';

interface Held {
  readonly token: bigint;
  until: number;
}

/** The least a lock server can be: holders with a ttl, queues in order of arrival, polled by those who wait. */
export class MemoryLockStore {
  readonly clock: Clock;
  readonly held = new Map<string, Held>();
  readonly queues = new Map<string, object[]>();
  #token = 0n;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  grant(key: string, ttlMs: number): Held | undefined {
    const present = this.held.get(key);
    if (present && present.until > this.clock.monotonic()) return undefined;
    const held = { token: ++this.#token, until: this.clock.monotonic() + ttlMs };
    this.held.set(key, held);
    return held;
  }
}

class MemoryLocks implements LockDriver {
  cutOff = false;
  closed = false;
  readonly closing = new AbortController();
  readonly own = new Set<Lock>();
  readonly #store: MemoryLockStore;

  constructor(store: MemoryLockStore) {
    this.#store = store;
  }

  async tryGrant({ key, ttlMs }: LockRequest): Promise<Lock | undefined> {
    this.#reach();
    const { clock, held } = this.#store;
    const sentAt = clock.monotonic();
    const mine = this.#store.grant(key, ttlMs);
    if (mine === undefined) return undefined;
    const lease = new HeldLease({
      clock,
      ttlMs,
      sentAt,
      renew: async () => {
        this.#reach();
        if (held.get(key) !== mine || mine.until <= clock.monotonic()) return false;
        mine.until = clock.monotonic() + ttlMs;
        return true;
      },
      lost: (why, cause) => new LockLostError(`lock ${key}: ${why}`, { cause }),
    });
    const giveBack = async (): Promise<void> => {
      this.#reach();
      this.own.delete(lock);
      if (held.get(key) === mine) held.delete(key);
    };
    const lock: Lock = new HeldLock({ key, token: mine.token, lease, giveBack });
    this.own.add(lock);
    return lock;
  }

  async grant(request: LockRequest): Promise<Lock> {
    const place = {};
    const queue = this.#store.queues.get(request.key) ?? [];
    this.#store.queues.set(request.key, queue);
    queue.push(place);
    const signal = AbortSignal.any([request.signal, this.closing.signal]);
    try {
      for (;;) {
        signal.throwIfAborted();
        if (queue[0] === place) {
          const lock = await this.tryGrant(request);
          if (lock) return lock;
        }
        await this.#store.clock.sleep(5, signal).catch(() => signal.throwIfAborted());
      }
    } finally {
      queue.splice(queue.indexOf(place), 1);
    }
  }

  #reach(): void {
    if (this.cutOff) throw new InfraError('UNAVAILABLE', 'cut off');
  }
}

const closedError = (): InfraError => new InfraError('FAILED_PRECONDITION', 'closed');

export function memoryLockMember(store: MemoryLockStore): LockSuiteMember {
  const driver = new MemoryLocks(store);
  const locks = new LockFront(driver, {
    clock: store.clock,
    label: 'test.locks',
    component: 'test',
    instance: 'default',
    defaultTtlMs: () => 10_000,
    checkKey: (key) => {
      if (driver.closed) throw closedError();
      if (typeof key !== 'string' || key === '') throw new InfraError('INVALID_ARGUMENT', 'no key');
    },
  });
  return {
    locks,
    cut: () => void (driver.cutOff = true),
    heal: () => void (driver.cutOff = false),
    close: async () => {
      driver.closed = true;
      driver.closing.abort(closedError());
      for (const lock of driver.own) await lock.release();
    },
  };
}
