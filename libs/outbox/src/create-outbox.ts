import { hash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { DbProvider } from '@infra-kit/db';
import { buildComponent, reportClose, type ComponentDeps, type ComponentSetting } from '@infra-kit/kernel';
import type { MqProvider } from '@infra-kit/mq';
import { BacklogGauges } from './backlog-gauges.js';
import { DefaultOutboxProvider } from './default-outbox.provider.js';
import { DbInbox } from './inbox/inbox.js';
import type { OutboxConfig, OutboxOptions } from './outbox.config.js';
import { outboxPlace, precondition } from './outbox.errors.js';
import type { OutboxProvider } from './outbox.provider.js';
import { OutboxCounts } from './outbox.telemetry.js';
import { HOT, isDbProvider, isLocks, isMqProvider, parseOutboxConfig } from './parse-outbox-config.js';
import { Publisher } from './publish/publisher.js';
import { Cleaner } from './relay/cleaner.js';
import type { OutboxLocks } from './relay/leader.js';
import { makeLeader } from './relay/make-leader.js';
import { Relay } from './relay/relay.js';
import { RelayPass } from './relay/relay-pass.js';
import { RelaySession } from './relay/relay-session.js';
import { NamedSql, TableNames } from './store/named-sql.js';
import { makeTables } from './store/outbox-schema.js';
import { OutboxStore } from './store/outbox-store.js';
import { ParkedRows } from './store/parked-rows.js';

export interface OutboxDependencies {
  /** In whose transactions messages are published and handled; closed by whoever made it. */
  readonly db?: DbProvider | undefined;
  /** Where messages are sent; closed by whoever made it, after the outbox. */
  readonly mq?: MqProvider | undefined;
  /** For `leader: 'coord'`. */
  readonly coord?: OutboxLocks | undefined;
}
export type OutboxDepsByHand = ComponentDeps & OutboxDependencies;

/** A last pass sends what is due; what does not fit in here stays for the next relay. */
const LAST_PASSES_MS = 5000;

/**
 * Makes an outbox; it starts no relay, `start()` does. Configuration: what is passed, then `defaultOutboxConfig(env)`.
 * Rejects with a `ConfigError` for a bad one, or without database or mq. Where the database has `autoMigrate` its tables
 * are made, else by `migrate()`. The maker closes it, before the mq and the database.
 */
export function createOutbox(
  config: OutboxOptions = {},
  deps: OutboxDepsByHand = {},
): Promise<OutboxProvider> {
  return buildComponent('outbox', deps, (setting) => assemble(config, setting, deps));
}

async function assemble(
  options: OutboxOptions,
  setting: ComponentSetting,
  given: OutboxDependencies,
): Promise<OutboxProvider> {
  const { name, stack, reload, logger, clock } = setting;
  const place = outboxPlace(name);
  const db = isDbProvider(options.db) ? options.db : given.db;
  const mq = isMqProvider(options.mq) ? options.mq : given.mq;
  const coord = isLocks(options.coord) ? options.coord : given.coord;
  const parse = (input: unknown): OutboxConfig =>
    parseOutboxConfig(input, {
      instance: name,
      hasDb: db !== undefined,
      hasMq: mq !== undefined,
      hasCoord: coord !== undefined,
    });
  const started = parse(options);
  let current = started;
  const settings = (): OutboxConfig => current;
  if (db === undefined || mq === undefined) throw precondition(place, 'it needs a database and an mq');

  const names = new TableNames(started.table);
  const sql = new NamedSql(db, names);
  const store = new OutboxStore(sql);
  const counts = new OutboxCounts(name);
  const gauges = new BacklogGauges(name, () => store.counts());
  if (db.autoMigrates) await makeTables(db, names);

  const channel = started.notify && db.capabilities.sessions ? channelOf(names) : undefined;
  const session = new RelaySession({ place, db, channel, notified: () => relay.wake() });
  const leader = makeLeader({ config: started, settings, db, store, session, names, coord });
  const pass = new RelayPass({ mq, store, leader, settings, count: counts });
  const cleaner = new Cleaner({ clock, sql, leader, settings });
  const relay: Relay = new Relay({
    clock,
    logger,
    pass,
    leader,
    settings,
    tidy: (signal) => {
      gauges.follow();
      return cleaner.tidy(signal);
    },
  });
  const publisher = new Publisher({
    place,
    db,
    store,
    channel,
    ordered: started.orderPerKey,
    committed: (count) => {
      counts.published(count);
      relay.wake();
    },
  });

  stack.push({
    name: `${place.label} lead`,
    phase: 'leases',
    close: async () => {
      gauges[Symbol.dispose]();
      await leader.release().catch(() => undefined);
      session.close();
    },
  });
  stack.push({
    name: `${place.label} relay`,
    phase: 'flush',
    close: (signal) => lastPasses(relay, settings, signal),
    timeoutMs: LAST_PASSES_MS,
  });
  const registration = reload?.register({
    component: 'outbox',
    instance: name,
    parse: (document) => parse({ ...options, ...asObject(document) }),
    apply: (next) => {
      const waiting = structuralChanges(started, next);
      current = hotOf(started, next);
      return waiting;
    },
  });
  if (registration)
    stack.push({
      name: `${place.label} reload`,
      phase: 'connections',
      close: () => registration[Symbol.dispose](),
    });
  return new DefaultOutboxProvider({
    place,
    settings,
    db,
    rows: { place, clock, table: started.table.outbox },
    publisher,
    relay,
    leader,
    store,
    parkedRows: new ParkedRows(sql, place),
    counts,
    inbox: (refuseClosed) =>
      new DbInbox({ place, db, sql, refuseClosed, told: (consumer, ran) => counts.handled(consumer, ran) }),
    migrate: () => makeTables(db, names),
    close: async () => reportClose(logger, await stack.close()),
  });
}

/** Of a relay that runs: what was committed up to the end is sent, where the broker takes it. */
async function lastPasses(relay: Relay, settings: () => OutboxConfig, signal: AbortSignal): Promise<void> {
  const ran = relay.running;
  await relay.stop();
  while (ran && !signal.aborted) {
    const { full, away } = await relay.once(settings().batchSize);
    if (!full || away !== undefined) return;
  }
}

/** Of PostgreSQL's names, which are 63 bytes at most. */
const channelOf = ({ plain }: TableNames): string =>
  `infra_outbox_${hash('sha1', plain.outbox).slice(0, 16)}`;

/** A document that is no object is refused by the parser, with its own sentence. */
function asObject(document: unknown): object {
  return typeof document === 'object' && document !== null && !Array.isArray(document)
    ? document
    : { document };
}

/** Structural fields stay as they were at the start. */
function hotOf(started: OutboxConfig, next: OutboxConfig): OutboxConfig {
  const kept = Object.entries(started).filter(([field]) => !HOT.has(field));
  return Object.assign(next, Object.fromEntries(kept));
}

function structuralChanges(started: OutboxConfig, next: OutboxConfig): string[] {
  return Object.keys(started).filter(
    (field) =>
      !HOT.has(field) && !isDeepStrictEqual(Reflect.get(started, field), Reflect.get(next, field) as unknown),
  );
}
