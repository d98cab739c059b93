import { hash } from 'node:crypto';
import type { DbProvider } from '@infra-kit/db';
import type { OutboxConfig } from '../outbox.config.js';
import type { TableNames } from '../store/named-sql.js';
import type { OutboxStore } from '../store/outbox-store.js';
import { AdvisoryLeader } from './advisory-leader.js';
import { CoordLeader } from './coord-leader.js';
import { LaneLeader } from './lane-leader.js';
import { OnlyLeader, type Leader, type OutboxLocks } from './leader.js';
import type { RelaySession } from './relay-session.js';

interface Parts {
  readonly config: OutboxConfig;
  readonly settings: () => OutboxConfig;
  readonly db: DbProvider;
  readonly store: OutboxStore;
  readonly session: RelaySession;
  readonly names: TableNames;
  readonly coord: OutboxLocks | undefined;
}

/** How many batches deep to look for lanes that have something. */
const LOOK_BATCHES = 10;

export function makeLeader({ config, settings, db, store, session, names, coord }: Parts): Leader {
  const table = names.plain.outbox;
  if (config.leader === 'coord' && coord !== undefined)
    return new CoordLeader(coord, `outbox/${db.name}/${table}`, config.leaseMs);
  if (!db.capabilities.sessions) return new OnlyLeader();
  const family = hash('sha1', `relay of ${table}`, 'buffer').readInt32BE();
  if (config.leader === 'none') {
    const look = (): number => settings().batchSize * LOOK_BATCHES;
    return new LaneLeader({ session, store, family, lanes: config.lanes, look });
  }
  return new AdvisoryLeader(session, family);
}
