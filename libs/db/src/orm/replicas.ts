import type { EntityManager } from '@mikro-orm/sql';
import { messageOf, type Clock, type Logger } from '@infra-kit/kernel';
import { dbError, isConnectionLost, type DbPlace } from '../db.errors.js';
import type { OpenedOrm } from './open-orm.js';
import type { RecentWrites } from './recent-writes.js';

/** How long a replica that was away is not asked. */
const REST_MS = 5000;

interface Parts {
  readonly place: DbPlace;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly writes: RecentWrites;
}

/** A server that follows the primary and reads. */
export class Replica {
  readonly opened: OpenedOrm;
  /** On the monotonic clock; undefined: it answers, as far as is known. */
  restsUntil: number | undefined;

  constructor(opened: OpenedOrm) {
    this.opened = opened;
  }

  manager(): EntityManager {
    return this.opened.orm.em.fork({ disableContextResolution: true });
  }
}

/** Where reads may go: one replica after another, those that are away left out for a while. */
export class Replicas {
  readonly #parts: Parts;
  readonly #all: readonly Replica[];
  #next = 0;

  constructor(parts: Parts, opened: readonly OpenedOrm[]) {
    this.#parts = parts;
    this.#all = opened.map((each) => new Replica(each));
  }

  /** A replica for a transaction that reads; undefined: the primary, where the caller's own writes are, or none is left. */
  pick(): Replica | undefined {
    const { writes, clock } = this.#parts;
    if (writes.has()) return undefined;
    const now = clock.monotonic();
    const sound = this.#all.filter(({ restsUntil }) => restsUntil === undefined || restsUntil <= now);
    const replica = sound[this.#next++ % sound.length];
    // the first to try one again tries alone
    if (replica?.restsUntil !== undefined) replica.restsUntil = now + REST_MS;
    return replica;
  }

  /** A transaction on it has succeeded. */
  answered(replica: Replica): void {
    if (replica.restsUntil === undefined) return;
    replica.restsUntil = undefined;
    this.#parts.logger.info('a replica answers again', { address: replica.opened.address });
  }

  /** Whether the failure is that the replica is away: then the primary is to be asked. */
  failed(replica: Replica, error: unknown): boolean {
    const { place, clock, logger } = this.#parts;
    if (!isConnectionLost(error) && dbError(place, error).code !== 'RESOURCE_EXHAUSTED') return false;
    if (replica.restsUntil === undefined)
      logger.warn('a replica is away; the primary reads in its place', {
        address: replica.opened.address,
        error: messageOf(error),
      });
    replica.restsUntil = clock.monotonic() + REST_MS;
    return true;
  }
}
