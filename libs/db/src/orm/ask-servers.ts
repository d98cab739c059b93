import { withDeadline, type CallOptions } from '@infra-kit/kernel';
import type { OpenedOrm } from './open-orm.js';

export interface ServerHealth {
  readonly address: string;
  readonly status: 'up' | 'down';
}

/** Asks each server whether it answers, all at once. Never rejects. */
export function askServers(
  servers: readonly OpenedOrm[],
  options: CallOptions,
  operation: string,
): Promise<ServerHealth[]> {
  return Promise.all(
    servers.map(async ({ orm, address }): Promise<ServerHealth> => {
      try {
        await withDeadline(options, Infinity, operation, (signal) =>
          orm.em
            .fork({ disableContextResolution: true, signal, inflightQueryAbortStrategy: 'cancel query' })
            .execute('select 1'),
        );
        return { address, status: 'up' };
      } catch {
        return { address, status: 'down' };
      }
    }),
  );
}
