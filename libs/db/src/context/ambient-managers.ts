import type { ControlledTransaction } from 'kysely';
import { TransactionContext, type EntityManager, type MikroORM } from '@mikro-orm/sql';
import { InfraContext, type ContextData } from '@infra-kit/kernel';

/** Cancels what runs under a context: its signal, its deadline. Undefined when nothing limits it. */
export function limitsOf(context: Readonly<ContextData> | undefined): AbortSignal | undefined {
  if (context === undefined) return undefined;
  const remaining = InfraContext.remainingMs();
  const deadline = remaining < 2 ** 31 ? AbortSignal.timeout(Math.max(0, Math.ceil(remaining))) : undefined;
  if (deadline === undefined || context.signal === undefined) return deadline ?? context.signal;
  return AbortSignal.any([deadline, context.signal]);
}

/** One entity manager a context: nobody shares an identity map with another request. */
export class AmbientManagers {
  readonly #contextName: string;
  readonly #orm: () => MikroORM;
  readonly #forks = new WeakMap<Readonly<ContextData>, EntityManager>();

  constructor(contextName: string, orm: () => MikroORM) {
    this.#contextName = contextName;
    this.#orm = orm;
  }

  /** The running transaction's, else the context's, else a fresh one. */
  em(): EntityManager {
    return this.inTransaction() ?? this.ofContext() ?? this.fresh();
  }

  /** Not one that has ended: what was begun inside and not waited for is outside by now. */
  inTransaction(): EntityManager | undefined {
    const em = TransactionContext.getEntityManager(this.#contextName) as EntityManager | undefined;
    const transaction = em?.getTransactionContext<ControlledTransaction<unknown>>();
    return transaction === undefined || transaction.isCommitted || transaction.isRolledBack ? undefined : em;
  }

  ofContext(): EntityManager | undefined {
    const context = InfraContext.current();
    if (context === undefined) return undefined;
    const present = this.#forks.get(context);
    if (present !== undefined) return present;
    const made = this.fresh();
    this.#forks.set(context, made);
    return made;
  }

  fresh(): EntityManager {
    const signal = limitsOf(InfraContext.current());
    return this.#orm().em.fork({
      disableContextResolution: true,
      ...(signal && { signal, inflightQueryAbortStrategy: 'cancel query' }),
    });
  }
}
