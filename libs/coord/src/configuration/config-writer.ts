import { withDeadline, type CallOptions } from '@infra-kit/kernel';
import type { Compare, KeyValue, TxnOp } from '../drivers/coord-driver.js';
import type { CoordEngine } from '../operations/coord-engine.js';
import { encodeValue } from './config-codec.js';
import type { ConfigWriteOptions } from './config-center.js';
import type { ConfigKeys } from './config-keys.js';

export const HISTORY_KEPT = 20;
/** Documents whose slots are remembered: a writer that comes back to one of them needs no reading. */
const MOST_REMEMBERED = 1000;

export interface WriteOutcome {
  readonly ok: boolean;
  /** Written; or, when not ok, the one the key is at. */
  readonly revision: bigint;
}

/** What is in each of the slots: the revision that wrote it, 0n for an empty one. */
type Slots = readonly bigint[];

/** The slot for the next entry: an empty one, else the oldest. */
function nextSlot(slots: Slots): { readonly index: number; readonly revision: bigint } {
  let index = 0;
  for (let other = 1; other < HISTORY_KEPT; other++)
    if ((slots[other] ?? 0n) < (slots[index] ?? 0n)) index = other;
  return { index, revision: slots[index] ?? 0n };
}

/**
 * Writes documents, each in one transaction with its entry in a ring of history slots. The transaction demands that the
 * slot is still what the writer believes it to be, so that of two writers at once one comes after the other and no entry
 * is lost; what is believed is remembered, so that a write is one call to the store.
 */
export class ConfigWriter {
  readonly #engine: CoordEngine;
  readonly #keys: ConfigKeys;
  readonly #slots = new Map<string, Slots>();
  readonly #turns = new Map<string, Promise<unknown>>();

  constructor(engine: CoordEngine, keys: ConfigKeys) {
    this.#engine = engine;
    this.#keys = keys;
  }

  /** `expected`: only if the key is still at this revision (0n: does not exist). */
  write(
    path: string,
    value: unknown,
    options: ConfigWriteOptions & { readonly expected?: bigint | undefined },
  ): Promise<WriteOutcome> {
    const { place, clock } = this.#engine;
    const text = encodeValue(place, value);
    const { by, expected } = options;
    const entry = (): string =>
      `{"at":${JSON.stringify(new Date(clock.now()).toISOString())},${
        by === undefined ? '' : `"by":${JSON.stringify(by)},`
      }"value":${text}}`;
    // writers of one process take turns: together they would only make each other's transactions fail
    return withDeadline(
      options,
      this.#engine.settings().requestTimeoutMs,
      `${place.label}.config.set`,
      (signal) => this.#inTurn(path, () => this.#attempts(path, { text, entry, expected, signal })),
    );
  }

  async #attempts(
    path: string,
    {
      text,
      entry,
      expected,
      signal,
    }: {
      readonly text: string;
      readonly entry: () => string;
      readonly expected: bigint | undefined;
      readonly signal: AbortSignal;
    },
  ): Promise<WriteOutcome> {
    const key = this.#keys.data(path);
    for (let slots = this.#slots.get(path); ;) {
      const slot = nextSlot(slots ?? []);
      const slotKey = this.#keys.historySlot(path, slot.index);
      const compare: Compare[] = [{ key: slotKey, target: 'mod', is: '=', to: slot.revision }];
      if (expected !== undefined) compare.push({ key, target: 'mod', is: '=', to: expected });
      const success: TxnOp[] = [
        { kind: 'put', key, value: text },
        { kind: 'put', key: slotKey, value: entry() },
      ];
      const failure: TxnOp[] = [
        { kind: 'get', key, keysOnly: true },
        { kind: 'get', prefix: this.#keys.historyPrefix(path), keysOnly: true },
      ];
      const { succeeded, revision, results } = await this.#txn({ signal }, { compare, success, failure });
      if (succeeded) {
        this.#remember(
          path,
          Array.from({ length: HISTORY_KEPT }, (_, n) => (n === slot.index ? revision : (slots?.[n] ?? 0n))),
        );
        return { ok: true, revision };
      }
      const at = results[0]?.kvs[0]?.modRevision ?? 0n;
      slots = this.#slotsIn(path, results[1]?.kvs ?? []);
      this.#remember(path, slots);
      if (expected !== undefined && at !== expected) return { ok: false, revision: at };
    }
  }

  async #txn(
    options: CallOptions,
    txn: { compare: Compare[]; success: TxnOp[]; failure: TxnOp[] },
  ): Promise<Awaited<ReturnType<CoordEngine['driver']['txn']>>> {
    const { runner, driver } = this.#engine;
    return runner.run('txn', options, (call) => driver.txn(txn, call));
  }

  #slotsIn(path: string, kvs: readonly KeyValue[]): Slots {
    const at = this.#keys.historyPrefix(path).length;
    const slots = Array.from({ length: HISTORY_KEPT }, () => 0n);
    for (const { key, modRevision } of kvs) {
      const index = Number(key.slice(at));
      if (index in slots) slots[index] = modRevision;
    }
    return slots;
  }

  #remember(path: string, slots: Slots): void {
    this.#slots.delete(path);
    this.#slots.set(path, slots);
    if (this.#slots.size > MOST_REMEMBERED)
      for (const oldest of this.#slots.keys()) return void this.#slots.delete(oldest);
  }

  #inTurn<T>(path: string, write: () => Promise<T>): Promise<T> {
    const outcome = (this.#turns.get(path) ?? Promise.resolve()).then(write);
    const turn = outcome
      .catch(() => undefined)
      .then(() => {
        if (this.#turns.get(path) === turn) this.#turns.delete(path);
      });
    this.#turns.set(path, turn);
    return outcome;
  }
}
