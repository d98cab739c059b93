import { ProtobufReader, type Shape } from './protobuf-reader.js';
import { LOGS, METRICS, TRACES } from './otlp-shapes.js';

export type Labels = Readonly<Record<string, unknown>>;

interface Received {
  readonly resource: Labels;
  readonly scope: string;
}

export interface ReceivedSpan extends Received {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  readonly name: string;
  readonly kind: 'internal' | 'server' | 'client' | 'producer' | 'consumer' | 'unspecified';
  readonly attributes: Labels;
  readonly events: readonly { readonly name: string; readonly attributes: Labels }[];
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
  readonly status: 'unset' | 'ok' | 'error';
}

export interface ReceivedPoint {
  readonly attributes: Labels;
  /** Of a counter or gauge; the sum of a histogram. */
  readonly value: number;
  /** Of a histogram. */
  readonly count: number | undefined;
  readonly bounds: readonly number[] | undefined;
}

export interface ReceivedMetric extends Received {
  readonly name: string;
  readonly unit: string;
  readonly description: string;
  readonly kind: 'counter' | 'upDownCounter' | 'gauge' | 'histogram';
  readonly points: readonly ReceivedPoint[];
}

export interface ReceivedLog extends Received {
  readonly body: unknown;
  readonly severity: string;
  readonly attributes: Labels;
  readonly traceId: string | undefined;
  readonly spanId: string | undefined;
}

type Raw = Readonly<Record<string, unknown>>;

const KINDS = ['unspecified', 'internal', 'server', 'client', 'producer', 'consumer'] as const;
const STATUSES = ['unset', 'ok', 'error'] as const;

const raws = (value: unknown): readonly Raw[] => (Array.isArray(value) ? (value as Raw[]) : []);
const raw = (value: unknown): Raw => Object(value) as Raw;
const text = (value: unknown): string => (typeof value === 'string' ? value : '');
const numbers = (value: unknown): readonly number[] | undefined => value as readonly number[] | undefined;
const idOf = (value: unknown): string | undefined =>
  value === '' || value === undefined ? undefined : text(value);

function plain(value: unknown): unknown {
  const [[kind, inner] = []] = Object.entries(raw(value));
  return kind === 'list' ? raws(raw(inner)['values']).map((item) => plain(item)) : inner;
}

const labels = (value: unknown): Labels =>
  Object.fromEntries(raws(value).map(({ key, value: inner }) => [text(key), plain(inner)]));

/** Every item of a request with where it came from. */
function items<T>(bytes: Buffer, shape: Shape, read: (item: Raw, from: Received) => T): T[] {
  return raws(new ProtobufReader(bytes).message(shape)['resources']).flatMap(({ resource, scopes }) =>
    raws(scopes).flatMap((scope) =>
      raws(scope['items']).map((item) =>
        read(item, {
          resource: labels(raw(resource)['attributes']),
          scope: text(raw(scope['scope'])['name']),
        }),
      ),
    ),
  );
}

export function spansOf(bytes: Buffer): ReceivedSpan[] {
  return items(bytes, TRACES, (item, from) => ({
    ...from,
    traceId: text(item['traceId']),
    spanId: text(item['spanId']),
    parentSpanId: idOf(item['parentSpanId']),
    name: text(item['name']),
    kind: KINDS[Number(item['kind'] ?? 0)] ?? 'unspecified',
    attributes: labels(item['attributes']),
    events: raws(item['events']).map(({ name, attributes }) => ({
      name: text(name),
      attributes: labels(attributes),
    })),
    links: raws(item['links']).map(({ traceId, spanId }) => ({
      traceId: text(traceId),
      spanId: text(spanId),
    })),
    status: STATUSES[Number(raw(item['status'])['code'] ?? 0)] ?? 'unset',
  }));
}

function kindOf(item: Raw): ReceivedMetric['kind'] {
  if (item['histogram'] !== undefined) return 'histogram';
  if (item['gauge'] !== undefined) return 'gauge';
  return raw(item['sum'])['monotonic'] === true ? 'counter' : 'upDownCounter';
}

export function metricsOf(bytes: Buffer): ReceivedMetric[] {
  return items(bytes, METRICS, (item, from) => ({
    ...from,
    name: text(item['name']),
    unit: text(item['unit']),
    description: text(item['description']),
    kind: kindOf(item),
    points: raws(raw(item['histogram'] ?? item['gauge'] ?? item['sum'])['points']).map((point) => ({
      attributes: labels(point['attributes']),
      value: Number(point['double'] ?? point['int'] ?? point['sum'] ?? 0),
      count: point['count'] === undefined ? undefined : Number(point['count']),
      bounds: numbers(point['bounds']),
    })),
  }));
}

export function logsOf(bytes: Buffer): ReceivedLog[] {
  return items(bytes, LOGS, (item, from) => ({
    ...from,
    body: plain(item['body']),
    severity: text(item['severityText']),
    attributes: labels(item['attributes']),
    traceId: idOf(item['traceId']),
    spanId: idOf(item['spanId']),
  }));
}
