import type { Compare, KeyRange, KeyValue, RangeQuery, Txn, TxnOp } from '../coord-driver.js';
import { MemoryStoreError } from './memory-errors.js';

const MOST_OPS = 128;

export function inRange(key: string, range: KeyRange): boolean {
  return 'key' in range ? key === range.key : key.startsWith(range.prefix);
}

/** From here on UTF-16 and UTF-8 order differently. */
const HIGH = /[\uD800-\uFFFF]/;

function byBytes({ key: a }: KeyValue, { key: b }: KeyValue): number {
  if (HIGH.test(a) || HIGH.test(b)) return Buffer.compare(Buffer.from(a), Buffer.from(b));
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
const ORDERS = {
  key: byBytes,
  create: (a: KeyValue, b: KeyValue) => Number(a.createRevision - b.createRevision) || byBytes(a, b),
  mod: (a: KeyValue, b: KeyValue) => Number(a.modRevision - b.modRevision) || byBytes(a, b),
} as const;

/** What a query finds in `kvs`: in its order, before its limit. */
export function matching(kvs: ReadonlyMap<string, KeyValue>, query: RangeQuery): KeyValue[] {
  const { maxCreateRevision, keysOnly, orderBy = 'key', descending } = query;
  const candidates = 'key' in query ? [kvs.get(query.key)] : [...kvs.values()];
  const found = candidates
    .filter((kv) => kv !== undefined)
    .filter((kv) => inRange(kv.key, query))
    .filter((kv) => maxCreateRevision === undefined || kv.createRevision <= maxCreateRevision)
    .toSorted(ORDERS[orderBy]);
  if (descending) found.reverse();
  return keysOnly ? found.map((kv) => ({ ...kv, value: '' })) : found;
}

const FIELD = { create: 'createRevision', mod: 'modRevision', version: 'version' } as const;

export function holds(kvs: ReadonlyMap<string, KeyValue>, compare: Compare): boolean {
  if (compare.target === 'value') {
    const kv = kvs.get(compare.key);
    return kv !== undefined && (compare.is === '=') === (kv.value === compare.to);
  }
  const { is, to, target } = compare;
  const compared = matching(kvs, compare).map((kv) => kv[FIELD[target]]);
  return (compared.length === 0 ? [0n] : compared).every((actual) => {
    if (is === '=') return actual === to;
    if (is === '!=') return actual !== to;
    return is === '>' ? actual > to : actual < to;
  });
}

/** Two deletes may overlap. */
const overlap = (put: { readonly key: string }, other: KeyRange): boolean => inRange(put.key, other);

function writesOneKeyTwice(ops: readonly TxnOp[]): boolean {
  const writes = ops.filter((op) => op.kind !== 'get');
  return writes.some(
    (op, at) => op.kind === 'put' && writes.some((other, index) => index !== at && overlap(op, other)),
  );
}

/** The limits of etcd, so that what works here works there. */
export function checkTxn({ compare = [], success = [], failure = [] }: Txn): void {
  if ([compare, success, failure].some(({ length }) => length > MOST_OPS))
    throw new MemoryStoreError(
      'INVALID_ARGUMENT',
      `too many operations in one transaction, at most ${MOST_OPS}`,
    );
  if ([success, failure].some((branch) => writesOneKeyTwice(branch)))
    throw new MemoryStoreError('INVALID_ARGUMENT', 'a transaction writes one key twice');
}
