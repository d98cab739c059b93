import {
  CompareResult,
  CompareTarget,
  SortOrder,
  SortTarget,
  type ICompare,
  type IEvent,
  type IKeyValue,
  type IRangeRequest,
  type IRangeResponse,
  type IRequestOp,
  type IResponseOp,
  type ITxnRequest,
  type ITxnResponse,
} from 'etcd3';
import type {
  Compare,
  KeyRange,
  KeyValue,
  OpResult,
  RangeQuery,
  RangeResult,
  Txn,
  TxnOp,
  TxnResult,
  WatchEvent,
} from '../coord-driver.js';

const ZERO = Buffer.from([0]);

/** The first key behind all that begin with `prefix`; `\0` means: none, to the end. */
function behind(prefix: Buffer): Buffer {
  const at = prefix.findLastIndex((byte) => byte < 0xff);
  if (at < 0) return ZERO;
  const end = Buffer.from(prefix.subarray(0, at + 1));
  end[at] = (prefix[at] ?? 0) + 1;
  return end;
}

export function rangeOf(range: KeyRange): { key: Buffer; range_end?: Buffer } {
  if ('key' in range) return { key: Buffer.from(range.key) };
  const prefix = Buffer.from(range.prefix);
  return { key: prefix.length === 0 ? ZERO : prefix, range_end: behind(prefix) };
}

const SORTED_BY = { key: SortTarget.Key, create: SortTarget.Create, mod: SortTarget.Mod } as const;

export function rangeRequest(query: RangeQuery): IRangeRequest {
  const { limit, orderBy = 'key', descending, maxCreateRevision, keysOnly } = query;
  // by key, ascending, is the order without asking, which costs the server no sorting
  const plain = orderBy === 'key' && !descending;
  return {
    ...rangeOf(query),
    ...(limit !== undefined && { limit }),
    ...(!plain && {
      sort_target: SORTED_BY[orderBy],
      sort_order: descending ? SortOrder.Descend : SortOrder.Ascend,
    }),
    ...(maxCreateRevision !== undefined && { max_create_revision: `${maxCreateRevision}` }),
    ...(keysOnly && { keys_only: true }),
  };
}

export function rangeResult(response: IRangeResponse): RangeResult {
  return {
    kvs: response.kvs.map((kv) => keyValue(kv)),
    count: Number(response.count),
    revision: BigInt(response.header.revision),
  };
}

function keyValue(kv: IKeyValue): KeyValue {
  return {
    key: kv.key.toString(),
    value: kv.value.toString(),
    createRevision: BigInt(kv.create_revision),
    modRevision: BigInt(kv.mod_revision),
    version: BigInt(kv.version),
    lease: kv.lease === '0' ? undefined : kv.lease,
  };
}

const RESULT = {
  '=': CompareResult.Equal,
  '!=': CompareResult.NotEqual,
  '>': CompareResult.Greater,
  '<': CompareResult.Less,
} as const;

function compareRequest(compare: Compare): ICompare {
  const on = { ...rangeOf(compare), result: RESULT[compare.is] };
  if (compare.target === 'value')
    return { ...on, target: CompareTarget.Value, value: Buffer.from(compare.to) };
  const to = `${compare.to}`;
  if (compare.target === 'create') return { ...on, target: CompareTarget.Create, create_revision: to };
  if (compare.target === 'mod') return { ...on, target: CompareTarget.Mod, mod_revision: to };
  return { ...on, target: CompareTarget.Version, version: to };
}

function opRequest(op: TxnOp): IRequestOp {
  if (op.kind === 'get') return { request_range: rangeRequest(op) };
  if (op.kind === 'delete') return { request_delete_range: rangeOf(op) };
  const { key, value, lease } = op;
  return {
    request_put: {
      key: Buffer.from(key),
      value: Buffer.from(value),
      ...(lease !== undefined && { lease }),
    },
  };
}

export function txnRequest({ compare = [], success = [], failure = [] }: Txn): ITxnRequest {
  return {
    compare: compare.map((each) => compareRequest(each)),
    success: success.map((op) => opRequest(op)),
    failure: failure.map((op) => opRequest(op)),
  };
}

/** Of the three kinds of answers gRPC fills one. */
function opResult(response: Partial<IResponseOp>): OpResult {
  const { response_range: range, response_delete_range: deleted } = response;
  return {
    kvs: range?.kvs?.map((kv) => keyValue(kv)) ?? [],
    deleted: Number(deleted?.deleted ?? 0),
  };
}

export function txnResult(response: ITxnResponse): TxnResult {
  return {
    succeeded: response.succeeded,
    revision: BigInt(response.header.revision),
    results: response.responses.map((each) => opResult(each)),
  };
}

/** Events of one answer, a group a revision, in order. */
export function changesOf(events: readonly IEvent[]): { revision: bigint; events: WatchEvent[] }[] {
  const groups: { revision: bigint; events: WatchEvent[] }[] = [];
  for (const { type, kv } of events) {
    const revision = BigInt(kv.mod_revision);
    const event: WatchEvent =
      type === 'Delete' ? { type: 'delete', key: kv.key.toString() } : { type: 'put', kv: keyValue(kv) };
    const group = groups.at(-1);
    if (group?.revision === revision) group.events.push(event);
    else groups.push({ revision, events: [event] });
  }
  return groups;
}
