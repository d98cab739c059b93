import type { EntityManager } from '@mikro-orm/sql';
import { InfraContext } from '@infra-kit/kernel';
import { limitsOf } from '../context/ambient-managers.js';
import { invalidArgument, type DbPlace } from '../db.errors.js';
import type { Transactions } from '../transactions/transactions.js';
import { shardSchema } from './shard-schema.js';
import type { ShardServer } from './shard-setup.js';

/** One shard: its server's ORM, and the transactions that are in its schema. */
export interface Shard {
  readonly index: number;
  readonly server: ShardServer;
  readonly transactions: Transactions;
}

/** The entity managers of shards: one a context and shard. */
export class ShardManagers {
  readonly all: readonly Shard[];
  readonly #place: DbPlace;
  /** By context; by the manager that routes, where there is none. */
  readonly #forks = new WeakMap<object, Map<number, EntityManager>>();

  constructor(place: DbPlace, shards: readonly Shard[]) {
    this.#place = place;
    this.all = shards;
  }

  shard(index: number): Shard {
    const shard = this.all[index];
    if (shard !== undefined) return shard;
    throw invalidArgument(
      this.#place,
      `there is no shard ${String(index)}; there are ${this.all.length}, numbered from 0`,
    );
  }

  /** The context's, else the one that goes with the manager that routes; inside the shard's transaction, the transaction's. */
  ofContext(index: number, router?: EntityManager): EntityManager {
    const scope = this.shard(index).transactions.current();
    if (scope !== undefined) return scope.em;
    const owner = ownerOf(router);
    if (owner === undefined) return this.fresh(index);
    const forks = this.#forks.get(owner) ?? new Map<number, EntityManager>();
    this.#forks.set(owner, forks);
    const em = forks.get(index) ?? this.fresh(index);
    forks.set(index, em);
    return em;
  }

  /** Those that have been used, to be flushed with the manager that routes. */
  used(router: EntityManager): readonly EntityManager[] {
    const owner = ownerOf(router);
    return owner === undefined ? [] : [...(this.#forks.get(owner)?.values() ?? [])];
  }

  fresh(index: number, limit?: AbortSignal): EntityManager {
    const signal = limit ?? limitsOf(InfraContext.current());
    return this.shard(index).server.opened.orm.em.fork({
      disableContextResolution: true,
      schema: shardSchema(index),
      ...(signal && { signal, inflightQueryAbortStrategy: 'cancel query' }),
    });
  }
}

/** The ORM's own manager lives as long as the process: nothing may gather there. */
function ownerOf(router: EntityManager | undefined): object | undefined {
  const lasting = router === undefined || router.global;
  return InfraContext.current() ?? (lasting ? undefined : router);
}
