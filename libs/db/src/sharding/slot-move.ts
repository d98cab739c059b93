import type { EntityManager } from '@mikro-orm/sql';
import type { Clock } from '@infra-kit/kernel';
import { isConnectionLost, precondition, type DbPlace } from '../db.errors.js';
import { ROUTE_AGE_MS } from './shard-map.js';
import { shardSchema } from './shard-schema.js';
import { quoted, SlotRows } from './slot-rows.js';
import type { SlotTable } from './slot-tables.js';

/** With the slot the key of an advisory lock on the server of the routes: who has it decides about the slot. */
const MOVE_LOCK = 491_733_852;
/** No reader has a route any more that is older. */
const READERS_GONE_MS = 2 * ROUTE_AGE_MS;

/** A shard as a move sees it. */
export interface MoveEnd {
  readonly shard: number;
  /** Two ends on one server share this. */
  readonly server: object;
  /** A manager of the shard's server that no one else has. */
  readonly em: () => EntityManager;
}

export interface SlotMoverParts {
  readonly place: DbPlace;
  readonly clock: Clock;
  /** A manager where the routes are. */
  readonly routing: () => EntityManager;
  readonly ends: readonly MoveEnd[];
  /** The sharded tables in an order in which references are met. */
  readonly tables: readonly SlotTable[];
  /** False where there is one session alone. */
  readonly concurrent: boolean;
}

type Routing = Pick<EntityManager, 'execute'>;

const owned = ({ shard }: MoveEnd): string => `${quoted(shardSchema(shard))}.infra_owned_slots`;

/**
 * Moves slots, and clears up behind movers that died. The route decides where a slot is: it changes in the transaction
 * that holds the slot's lock, so that a mover which lost its connection, and with it the lock, cannot change it any
 * more. Whoever gets the lock finds one of these states, from each of which the route says what to do:
 *
 * | a mover died                | at the route's shard | elsewhere               |
 * | --------------------------- | -------------------- | ----------------------- |
 * | after closing, in the copy  | closed: open it      | nothing                 |
 * | after the copy              | closed: open it      | a copy: remove it       |
 * | after the switch            | open                 | the old rows: remove    |
 */
export class SlotMover {
  readonly #parts: SlotMoverParts;
  readonly #here = new Set<number>();

  constructor(parts: SlotMoverParts) {
    this.#parts = parts;
  }

  /** Closes the slot for writers, copies it, switches the route; and when no reader can be there any more, removes the old rows. */
  async move(slot: number, to: number, signal?: AbortSignal): Promise<void> {
    const target = this.#end(to);
    const switched = await this.#alone(slot, 'wait', async (routing) => {
      const from = this.#end(await this.#route(routing, slot));
      await this.#clearElsewhere(slot, from, signal);
      if (from.shard === to) {
        await this.#open(slot, from);
        return false;
      }
      await this.#copy(slot, from, target);
      await routing.execute('update infra_shard_slots set shard = ? where slot = ?', [to, slot], 'run');
      return true;
    }).catch(async (error: unknown) => {
      // the lock is free again: whoever meets the slot clears up, at best this one and now
      await this.settle(slot).catch(() => undefined);
      throw error;
    });
    if (switched === true) await this.#settled(slot, 'wait', signal);
  }

  /** Undoes or ends what a mover left; false when another has the slot. */
  async settle(slot: number, signal?: AbortSignal): Promise<boolean> {
    return (await this.#settled(slot, 'try', signal)) === true;
  }

  #settled(slot: number, how: 'wait' | 'try', signal: AbortSignal | undefined): Promise<boolean | undefined> {
    return this.#alone(slot, how, async (routing) => {
      const home = this.#end(await this.#route(routing, slot));
      await this.#open(slot, home);
      await this.#clearElsewhere(slot, home, signal);
      return true;
    });
  }

  /** Slots that a mover left, or has now: closed ones, and those that a shard has against the route. */
  async unsettled(routeOf: (slot: number) => number): Promise<number[]> {
    const rows = await this.#ownership('');
    const odd = rows.filter(({ shard, slot, moving }) => moving || routeOf(slot) !== shard);
    return [...new Set(odd.map(({ slot }) => slot))];
  }

  async #copy(slot: number, from: MoveEnd, to: MoveEnd): Promise<void> {
    const { place, tables } = this.#parts;
    // waits for the writers that hold the slot; later ones find it moving
    await from.em().execute(`update ${owned(from)} set moving = true where slot = ?`, [slot], 'run');
    const rows = new SlotRows(place, slot, tables);
    await to.em().transactional(async (em) => {
      const writer = em as EntityManager;
      const reader = from.server === to.server ? writer : from.em();
      await rows.copy({ shard: from.shard, em: reader }, { shard: to.shard, em: writer });
      await writer.execute(`insert into ${owned(to)} (slot) values (?)`, [slot], 'run');
    });
  }

  async #open(slot: number, end: MoveEnd): Promise<void> {
    await end
      .em()
      .execute(`update ${owned(end)} set moving = false where slot = ? and moving`, [slot], 'run');
  }

  async #clearElsewhere(slot: number, home: MoveEnd, signal: AbortSignal | undefined): Promise<void> {
    const { clock, place, tables } = this.#parts;
    const rows = new SlotRows(place, slot, tables);
    const strays = (await this.#ownership(`where slot = ${slot}`)).filter(
      ({ shard }) => shard !== home.shard,
    );
    if (strays.length === 0) return;
    await clock.sleep(READERS_GONE_MS, signal); // the route may have changed a moment ago
    for (const { shard } of strays) {
      const end = this.#end(shard);
      await end.em().transactional(async (em) => {
        await em.execute(`delete from ${owned(end)} where slot = ?`, [slot], 'run');
        await rows.clear(em as EntityManager, shard);
      });
    }
  }

  /** What the shards say they have. A server that is away says nothing. */
  async #ownership(where: string): Promise<{ shard: number; slot: number; moving: boolean }[]> {
    const asked = [...Map.groupBy(this.#parts.ends, ({ server }) => server).values()].map(async (ends) => {
      const all = ends.map((end) => `select ${end.shard} as shard, slot, moving from ${owned(end)} ${where}`);
      return ends[0]
        ?.em()
        .execute<{ shard: number; slot: number; moving: boolean }[]>(all.join(' union all '));
    });
    const told = await Promise.allSettled(asked);
    return told.flatMap((answer) => {
      if (answer.status === 'fulfilled') return answer.value ?? [];
      if (isConnectionLost(answer.reason)) return [];
      throw answer.reason;
    });
  }

  async #route(routing: Routing, slot: number): Promise<number> {
    const [row] = await routing.execute<{ shard: number }[]>(
      'select shard from infra_shard_slots where slot = ?',
      [slot],
    );
    if (row === undefined) throw precondition(this.#parts.place, `slot ${slot} has no route`);
    return row.shard;
  }

  #end(shard: number): MoveEnd {
    const end = this.#parts.ends[shard];
    if (end === undefined) throw precondition(this.#parts.place, `there is no shard ${shard}`);
    return end;
  }

  /** Holds the slot's lock while it works, in a transaction on the routes' server; its end is the switch. */
  async #alone<T>(
    slot: number,
    how: 'wait' | 'try',
    work: (routing: Routing) => Promise<T>,
  ): Promise<T | undefined> {
    const { routing, concurrent } = this.#parts;
    if (!concurrent) return this.#aloneHere(slot, how, work);
    return routing().transactional(async (em) => {
      const lock = how === 'wait' ? 'pg_advisory_xact_lock' : 'pg_try_advisory_xact_lock';
      const [row] = await em.execute<{ got: unknown }[]>(`select ${lock}(?, ?) as got`, [MOVE_LOCK, slot]);
      return row?.got === false ? undefined : work(em);
    });
  }

  /** One session has one process: a second mover can only be here. */
  async #aloneHere<T>(
    slot: number,
    how: 'wait' | 'try',
    work: (routing: Routing) => Promise<T>,
  ): Promise<T | undefined> {
    if (this.#here.has(slot) && how === 'wait')
      throw precondition(this.#parts.place, `slot ${slot} is moving already`);
    if (this.#here.has(slot)) return undefined;
    this.#here.add(slot);
    try {
      return await work(this.#parts.routing());
    } finally {
      this.#here.delete(slot);
    }
  }
}
